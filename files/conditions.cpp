#include "conditions.hpp"

#include "options.hpp"

#include <algorithm>

namespace clawdspace::files {
namespace {

void skip_blanks(std::string_view& text) {
  while (!text.empty() && (text[0] == ' ' || text[0] == '\t' || text[0] == ',')) text.remove_prefix(1);
}

} // namespace

bool etag_matches(std::string_view list, const validators& now, bool strong) {
  skip_blanks(list);
  if (list.starts_with('*')) return now.exists;
  while (!list.empty()) {
    const bool weak = list.starts_with("W/");
    if (weak) list.remove_prefix(2);
    if (!list.starts_with('"')) return false; // no etag, and nothing sure can come after it
    const auto end = list.find('"', 1);
    if (end == list.npos) return false;
    if (now.exists && list.substr(0, end + 1) == now.etag && !(weak && strong)) return true;
    list.remove_prefix(end + 1);
    skip_blanks(list);
  }
  return false;
}

verdict judge_change(const preconditions& asked, const validators& now) {
  if (asked.if_match) {
    if (!etag_matches(*asked.if_match, now, true)) return verdict::failed;
  } else if (asked.if_unmodified_since && now.exists && now.seconds > *asked.if_unmodified_since) {
    return verdict::failed;
  }
  if (asked.if_none_match && etag_matches(*asked.if_none_match, now, false)) return verdict::failed;
  return verdict::go_on;
}

verdict judge(const preconditions& asked, const validators& now) {
  const preconditions first{.if_match = asked.if_match, .if_unmodified_since = asked.if_unmodified_since};
  if (judge_change(first, now) == verdict::failed) return verdict::failed;
  if (asked.if_none_match)
    return etag_matches(*asked.if_none_match, now, false) ? verdict::not_modified : verdict::go_on;
  if (asked.if_modified_since && now.seconds <= *asked.if_modified_since) return verdict::not_modified;
  return verdict::go_on;
}

bool range_holds(const preconditions& asked, const validators& now) {
  if (!asked.if_range) return true;
  if (const auto seconds = parse_number(*asked.if_range)) return *seconds == now.seconds;
  return *asked.if_range == now.etag;
}

std::optional<span_of> resolve_range(std::optional<std::int64_t> first, std::optional<std::int64_t> last,
                                     std::optional<std::int64_t> suffix, std::int64_t size) {
  if (suffix) {
    if (*suffix == 0 || size == 0) return std::nullopt;
    const auto length = std::min(*suffix, size);
    return span_of{.offset = size - length, .length = length};
  }
  const auto begin = first.value_or(0);
  if (begin >= size) return std::nullopt;
  return span_of{.offset = begin, .length = last && *last < size ? *last - begin + 1 : size - begin};
}

} // namespace clawdspace::files
