#include <clawdspace/api/file_request.hpp>
#include <clawdspace/files/protocol.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace clawdspace::api {

namespace protocol = clawdspace::files;

namespace {

constexpr std::size_t longest_list = 16 << 10; // of etags; a path must fit beside it

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// A field that may come in several lines, as one list.
std::optional<std::string> list_of(const http::fields& headers, std::string_view name) {
  std::optional<std::string> list;
  for (const auto& line : headers) {
    if (!http::iequals(line.name, name)) continue;
    if (!list)
      list = line.value;
    else
      list->append(", ").append(line.value);
  }
  if (list && list->size() > longest_list)
    throw error(errc::malformed_request, fmt::format("{} has more than {} bytes", name, longest_list));
  return list;
}

void add_list(std::vector<std::string>& to, const http::fields& headers, std::string_view name,
              const char* option) {
  if (const auto list = list_of(headers, name)) to.push_back(option + *list);
}

/// A date that cannot be read is no condition (RFC 9110 section 13.1.3).
void add_date(std::vector<std::string>& to, const http::fields& headers, std::string_view name,
              const char* option) {
  const auto text = headers.find(name);
  const auto date = text ? http::from_http_date(*text) : std::nullopt;
  if (date) to.push_back(option + std::to_string(*date));
}

/// Digits alone; more than fits is past every end.
std::optional<std::int64_t> position(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || text.front() == '-' || end != text.data() + text.size()) return std::nullopt;
  return failed == std::errc::result_out_of_range ? std::numeric_limits<std::int64_t>::max() : value;
}

void add_range(std::vector<std::string>& to, const http::fields& headers) {
  const auto header = headers.find("range");
  if (!header || headers.count("range") > 1) return;
  const auto equals = header->find('=');
  if (equals == header->npos || !http::iequals(trim(header->substr(0, equals)), "bytes")) return;
  const auto range = trim(header->substr(equals + 1));
  const auto dash = range.find('-');
  if (dash == range.npos) return;
  const auto from = trim(range.substr(0, dash));
  const auto until = trim(range.substr(dash + 1));
  const auto first = position(from);
  const auto last = position(until);
  if (from.empty() && last) {
    to.push_back(protocol::option_suffix + std::to_string(*last));
  } else if (first && (until.empty() || (last && *last >= *first))) {
    to.push_back(protocol::option_first + std::to_string(*first));
    if (last) to.push_back(protocol::option_last + std::to_string(*last));
  } else {
    return;
  }
  const auto condition = headers.find("if-range");
  if (!condition) return;
  const auto date = http::from_http_date(*condition);
  to.push_back(protocol::option_if_range + (date ? std::to_string(*date) : std::string(*condition)));
}

} // namespace

std::vector<std::string> read_options(const http::request_head& head) {
  std::vector<std::string> options;
  add_list(options, head.headers, "if-match", protocol::option_if_match);
  add_list(options, head.headers, "if-none-match", protocol::option_if_none_match);
  add_date(options, head.headers, "if-modified-since", protocol::option_if_modified_since);
  add_date(options, head.headers, "if-unmodified-since", protocol::option_if_unmodified_since);
  if (head.method == "HEAD")
    options.emplace_back(protocol::option_head);
  else
    add_range(options, head.headers);
  return options;
}

std::vector<std::string> change_options(const http::request_head& head) {
  std::vector<std::string> options;
  add_list(options, head.headers, "if-match", protocol::option_if_match);
  if (head.method == "DELETE" && head.headers.contains("if-none-match"))
    throw error(errc::malformed_request, "If-None-Match says nothing to a DELETE");
  add_list(options, head.headers, "if-none-match", protocol::option_if_none_match);
  return options;
}

} // namespace clawdspace::api
