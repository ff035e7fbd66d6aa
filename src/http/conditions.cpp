#include <clawdspace/http/conditions.hpp>

#include <clawdspace/http/fields.hpp>

#include <algorithm>
#include <charconv>
#include <optional>

namespace clawdspace::http {

namespace {

/// Whether a list of entity tags has ours, or is `*`. Weak comparison leaves `W/` out; by the strong one a
/// weak tag equals none (RFC 9110 section 8.8.3.2).
bool lists(std::string_view tags, std::string_view ours, bool weakly) {
  if (trim(tags) == "*") return true;
  while (!tags.empty()) {
    tags = tags.substr(std::min(tags.find_first_not_of(" \t,"), tags.size()));
    bool weak = false;
    if (tags.starts_with("W/")) {
      weak = true;
      tags.remove_prefix(2);
    }
    if (!tags.starts_with('"')) return false;
    const auto end = tags.find('"', 1);
    if (end == tags.npos) return false;
    if ((weakly || !weak) && tags.substr(0, end + 1) == ours) return true;
    tags.remove_prefix(end + 1);
  }
  return false;
}

/// A field that may come in several lines, as one list.
std::optional<std::string> list_of(const fields& headers, std::string_view name) {
  std::optional<std::string> list;
  for (const auto& line : headers) {
    if (!iequals(line.name, name)) continue;
    if (!list)
      list = line.value;
    else
      list->append(", ").append(line.value);
  }
  return list;
}

std::optional<std::int64_t> date_of(const fields& headers, std::string_view name) {
  const auto text = headers.find(name);
  return text ? from_http_date(*text) : std::nullopt;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || end != text.data() + text.size()) return std::nullopt;
  // More than fits is past every end.
  return failed == std::errc::result_out_of_range ? UINT64_MAX : value;
}

/// 304 or 412 where a condition says so.
std::optional<int> failed_condition(const fields& headers, const representation& of) {
  if (const auto wanted = list_of(headers, "if-match")) {
    if (!lists(*wanted, of.etag, false)) return 412;
  } else if (const auto since = date_of(headers, "if-unmodified-since"); since && of.modified > *since) {
    return 412;
  }
  if (const auto had = list_of(headers, "if-none-match")) {
    if (lists(*had, of.etag, true)) return 304;
  } else if (const auto since = date_of(headers, "if-modified-since"); since && of.modified <= *since) {
    return 304;
  }
  return std::nullopt;
}

/// Whether a range may be answered as one: If-Range is absent or names what there is (section 13.1.5).
bool range_still_holds(const fields& headers, const representation& of) {
  const auto condition = headers.find("if-range");
  if (!condition) return true;
  if (condition->starts_with('"') || condition->starts_with("W/")) return lists(*condition, of.etag, false);
  return from_http_date(*condition) == of.modified;
}

std::optional<decision> part(const fields& headers, const representation& of) {
  const auto header = headers.find("range");
  if (!header || headers.count("range") > 1 || !range_still_holds(headers, of)) return std::nullopt;
  const auto equals = header->find('=');
  if (equals == header->npos || !iequals(trim(header->substr(0, equals)), "bytes")) return std::nullopt;
  const auto range = trim(header->substr(equals + 1));
  const auto dash = range.find('-');
  if (dash == range.npos) return std::nullopt;
  const auto from = trim(range.substr(0, dash));
  const auto to = trim(range.substr(dash + 1));
  const decision none_of_it{.status = 416};

  if (from.empty()) { // the last so many
    const auto last = number(to);
    if (!last) return std::nullopt;
    if (*last == 0 || of.size == 0) return none_of_it;
    const auto length = std::min(*last, of.size);
    return decision{.status = 206, .first = of.size - length, .length = length};
  }
  const auto first = number(from);
  const auto last = to.empty() ? std::optional(UINT64_MAX) : number(to);
  if (!first || !last || *last < *first) return std::nullopt;
  if (*first >= of.size) return none_of_it;
  return decision{.status = 206, .first = *first, .length = std::min(*last, of.size - 1) - *first + 1};
}

} // namespace

decision decide(const request_head& head, const representation& of) {
  if (const auto failed = failed_condition(head.headers, of)) return {.status = *failed};
  // Range is for GET alone (section 14.2).
  if (head.method == "GET")
    if (const auto some = part(head.headers, of)) return *some;
  return {.status = 200, .first = 0, .length = of.size};
}

} // namespace clawdspace::http
