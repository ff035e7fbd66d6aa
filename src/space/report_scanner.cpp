#include <clawdspace/door/init_report.hpp>
#include <clawdspace/space/report_scanner.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

namespace clawdspace::spaces {

namespace {

std::span<const std::byte> to_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string_view next_word(std::string_view& rest) {
  const auto end = std::min(rest.find(' '), rest.size());
  const auto word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

template <class Number> std::optional<Number> to_number(std::string_view text) {
  Number number{};
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

} // namespace

report_scanner::report_scanner(std::string token, std::function<void(std::span<const std::byte>)> pass,
                               std::function<void(std::string_view)> report)
    : start_(fmt::format("{}{}{}", door::report_edge, token, door::report_colon)), pass_(std::move(pass)),
      report_(std::move(report)) {}

void report_scanner::feed(std::span<const std::byte> bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!held_.empty()) {
    held_ += text;
    scan_held();
    return;
  }
  step(text);
}

void report_scanner::scan_held() {
  const auto text = std::exchange(held_, {});
  step(text);
}

void report_scanner::step(std::string_view text) {
  while (!text.empty()) {
    const auto edge = text.find(door::report_edge);
    if (edge == std::string_view::npos) break;
    const auto candidate = text.substr(edge);
    const auto common = std::min(candidate.size(), start_.size());
    if (candidate.substr(0, common) != std::string_view(start_).substr(0, common)) {
      pass_(to_bytes(text.substr(0, edge + 1)));
      text.remove_prefix(edge + 1);
      continue;
    }
    const auto end = candidate.find(door::report_edge, 1);
    const bool whole = candidate.size() > start_.size() && end < door::report_limit;
    if (!whole && candidate.size() <= door::report_limit) {
      if (edge > 0) pass_(to_bytes(text.substr(0, edge)));
      held_ = candidate;
      return;
    }
    if (!whole) { // the token without an end: nothing that init writes
      pass_(to_bytes(text.substr(0, edge + 1)));
      text.remove_prefix(edge + 1);
      continue;
    }
    if (edge > 0) pass_(to_bytes(text.substr(0, edge)));
    report_(candidate.substr(start_.size(), end - start_.size()));
    text = candidate.substr(end + 1);
  }
  if (!text.empty()) pass_(to_bytes(text));
}

void report_scanner::finish() {
  if (const auto rest = std::exchange(held_, {}); !rest.empty()) pass_(to_bytes(rest));
}

std::optional<init_report> read_report(std::string_view body) {
  const auto verb = next_word(body);
  if (verb == door::report_started) return init_report{.started = true, .end = {}};
  process_end end;
  if (verb == door::report_failed) {
    const auto code = next_word(body);
    if (std::ranges::find(door::start_failures, code, [](const char* name) {
          return std::string_view(name);
        }) == std::end(door::start_failures))
      return std::nullopt;
    next_word(body); // errno, which the words tell as well
    end.failure_code = code;
    end.reason = body;
    return init_report{.started = false, .end = std::move(end)};
  }
  if (verb != door::report_ended) return std::nullopt;
  const auto how = next_word(body);
  const auto number = to_number<int>(next_word(body));
  if (!number) return std::nullopt;
  if (how == door::report_exited)
    end.exit_code = number;
  else if (how == door::report_signaled)
    end.signal = number;
  else
    return std::nullopt;
  while (!body.empty()) {
    const auto word = next_word(body);
    if (word == door::report_tree_gone)
      end.tree_gone = true;
    else if (word.starts_with(door::report_oom))
      end.oom_kills = to_number<std::uint64_t>(word.substr(std::string_view(door::report_oom).size()));
  }
  return init_report{.started = true, .end = std::move(end)};
}

} // namespace clawdspace::spaces
