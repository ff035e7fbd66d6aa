#include <clawdspace/api/exec_answer.hpp>
#include <clawdspace/api/json.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace clawdspace::api {

namespace json = boost::json;
using namespace std::chrono_literals;
using spaces::channel;

namespace {

constexpr auto longest_silence = 15s;

std::size_t index(channel c) { return c == channel::out ? 0 : 1; }

std::string_view text_of(std::span<const std::byte> data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

// What Linux allows in an argument may not stand in a header line.
std::string to_header_value(std::string_view words) {
  std::string value(words);
  std::ranges::replace_if(value, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return value;
}

} // namespace

void put_ending(json::object& into, const spaces::ending& end) {
  into["outcome"] = to_string(end.outcome);
  into["exitCode"] = end.exit_code ? json::value(*end.exit_code) : json::value(nullptr);
  if (end.signal) into["signal"] = spaces::signal_name(*end.signal);
  if (!end.failure_code.empty()) into["code"] = end.failure_code;
  if (!end.reason.empty()) into["reason"] = end.reason;
  if (end.confirmed) into["confirmed"] = *end.confirmed;
  into["durationMs"] = end.duration.count();
  into["oomKills"] = end.oom_kills ? json::value(*end.oom_kills) : json::value(nullptr);
}

json::object to_json(const spaces::command_record& about) {
  const auto& facts = about.facts;
  json::object command{{"id", facts.id}};
  if (facts.login)
    command["command"] = nullptr;
  else if (facts.shell)
    command["command"] = facts.argv.front();
  else
    command["command"] = json::value_from(facts.argv);
  command["commandCut"] = facts.cut;
  command["user"] = facts.user.empty() ? json::value(nullptr) : json::value(facts.user);
  command["cwd"] = facts.cwd.empty() ? json::value(nullptr) : json::value(facts.cwd);
  command["state"] = about.end ? "ended" : "running";
  command["startedAt"] = to_rfc3339(facts.started);
  command["endedAt"] = about.end ? json::value(to_rfc3339(about.ended)) : json::value(nullptr);
  command["detached"] = facts.detached;
  command["terminal"] = facts.terminal;
  command["tty"] = facts.tty;
  if (facts.tty) {
    command["rows"] = facts.rows;
    command["cols"] = facts.columns;
  }
  command["history"] = about.output != nullptr;
  command["stdoutBytes"] = about.bytes[0];
  command["stderrBytes"] = about.bytes[1];
  if (about.end) put_ending(command, *about.end);
  return command;
}

// --- buffered ---

task<> buffered_answer::begin() { co_return; }

task<> buffered_answer::take(spaces::output_piece piece) {
  auto& output = outputs_[index(piece.from)];
  output.total += piece.data.size();
  output.kept += text_of(piece.data).substr(0, limit_ - output.kept.size());
  co_return;
}

json::object buffered_answer::finish(const std::string& id, const spaces::ending& end) {
  json::object answer{{"id", id}};
  json::object truncated;
  constexpr std::array names{"stdout", "stderr"};
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    auto& [kept, total] = outputs_[i];
    const std::string name = names[i];
    if (kept.size() < total) {
      // A character that the limit cut in two would make text of megabytes come as base64.
      if (const auto tail = incomplete_tail(kept)) kept.resize(kept.size() - tail);
      truncated[name] = json::object{{"kept", kept.size()}, {"total", total}};
    }
    if (is_utf8(kept))
      answer[name] = std::move(kept);
    else
      answer[name + "Base64"] = to_base64(kept);
  }
  put_ending(answer, end);
  answer["truncated"] = truncated.empty() ? json::value(nullptr) : json::value(std::move(truncated));
  return answer;
}

// --- raw ---

task<> raw_answer::begin() {
  std::vector<std::string> trailers{"X-Outcome", "X-Exit-Code", "X-Signal", "X-Failure-Code", "X-Reason"};
  if (may_have_gaps_) trailers.emplace_back("X-Gaps");
  co_await exchange_.start(200,
                           {{"Content-Type", "application/octet-stream"},
                            {"X-Exec-Id", id_},
                            {"Cache-Control", "no-store"},
                            {"X-Content-Type-Options", "nosniff"}},
                           std::move(trailers));
}

task<> raw_answer::take(spaces::output_piece piece) {
  if (piece.pipe < 0)
    co_await exchange_.write(piece.data);
  else
    co_await exchange_.write_from_pipe(piece.pipe, piece.ready);
}

task<> raw_answer::gap(std::uint64_t from, std::uint64_t to) {
  gaps_ += fmt::format("{}{}-{}", gaps_.empty() ? "" : ", ", from, to);
  co_return;
}

task<> raw_answer::finish(const std::optional<spaces::ending>& end) {
  http::fields trailers;
  if (end) {
    trailers.add("X-Outcome", std::string(to_string(end->outcome)));
    if (end->exit_code) trailers.add("X-Exit-Code", fmt::format("{}", *end->exit_code));
    if (end->signal) trailers.add("X-Signal", spaces::signal_name(*end->signal));
    if (!end->failure_code.empty()) trailers.add("X-Failure-Code", end->failure_code);
    if (!end->reason.empty()) trailers.add("X-Reason", to_header_value(end->reason));
  }
  if (!gaps_.empty()) trailers.add("X-Gaps", gaps_);
  co_await exchange_.finish(std::move(trailers));
}

// --- ndjson ---

task<> ndjson_answer::begin() {
  co_await exchange_.start(
      200, {{"Content-Type", "application/x-ndjson"}, {"X-Exec-Id", id_}, {"Cache-Control", "no-store"}});
  co_await write({{"type", "started"}, {"id", id_}});
}

task<> ndjson_answer::write(json::object object) {
  const auto turn = co_await line_.enter();
  const auto line = to_text(object) + "\n";
  last_line_ = std::chrono::steady_clock::now();
  co_await exchange_.write(std::string_view(line));
}

task<> ndjson_answer::write_data(channel from, std::string data) {
  json::object line{{"type", from == channel::out ? "stdout" : "stderr"}};
  if (is_utf8(data))
    line["data"] = std::move(data);
  else
    line["base64"] = to_base64(data);
  co_await write(std::move(line));
}

task<> ndjson_answer::take(spaces::output_piece piece) {
  // A character whose bytes come apart waits for its rest; what is no text at all is not held up.
  auto data = std::exchange(partial_[index(piece.from)], {});
  data += text_of(piece.data);
  if (const auto tail = incomplete_tail(data)) {
    partial_[index(piece.from)] = data.substr(data.size() - tail);
    data.resize(data.size() - tail);
  }
  if (!data.empty()) co_await write_data(piece.from, std::move(data));
}

task<> ndjson_answer::gap(std::uint64_t from, std::uint64_t to) {
  co_await write({{"type", "gap"}, {"from", from}, {"to", to}});
}

task<> ndjson_answer::finish(const std::optional<spaces::ending>& end) {
  for (const auto from : {channel::out, channel::err})
    if (auto rest = std::exchange(partial_[index(from)], {}); !rest.empty())
      co_await write_data(from, std::move(rest));
  if (end) {
    json::object last{{"type", "exit"}};
    put_ending(last, *end);
    co_await write(std::move(last));
  }
  co_await exchange_.finish();
}

task<> ndjson_answer::ping() {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  for (;;) {
    timer.expires_at(std::max(last_line_, std::chrono::steady_clock::now() - longest_silence) +
                     longest_silence);
    co_await timer.async_wait(asio::use_awaitable);
    if (std::chrono::steady_clock::now() - last_line_ < longest_silence) continue;
    co_await write({{"type", "ping"}});
  }
}

} // namespace clawdspace::api
