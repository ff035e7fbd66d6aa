#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace clawdspace::files {

/// What HTTP's preconditions (RFC 9110, section 13) are held against.
struct validators {
  bool exists = true;
  std::string_view etag;    // with its quotes
  std::int64_t seconds = 0; // last modified, since 1970, whole seconds
};

/// The preconditions of a request, as the headers have them; times in seconds.
struct preconditions {
  std::optional<std::string_view> if_match, if_none_match, if_range;
  std::optional<std::int64_t> if_modified_since, if_unmodified_since;
};

enum class verdict : unsigned char { go_on, not_modified, failed };

/// Whether a list of etags (or `*`) has this one. The strong comparison takes no weak ones.
bool etag_matches(std::string_view list, const validators& now, bool strong);

/// For GET and HEAD, in the order of section 13.2.2.
verdict judge(const preconditions& asked, const validators& now);

/// For what changes something: go_on or failed.
verdict judge_change(const preconditions& asked, const validators& now);

/// Whether If-Range (or its absence) lets a range be a range.
bool range_holds(const preconditions& asked, const validators& now);

/// A part of a file, in bytes.
struct span_of {
  std::int64_t offset = 0;
  std::int64_t length = 0;
};

/// The part that was asked for, cut at the file's end; nothing where none of it lies in the file. `last` is
/// inclusive.
std::optional<span_of> resolve_range(std::optional<std::int64_t> first, std::optional<std::int64_t> last,
                                     std::optional<std::int64_t> suffix, std::int64_t size);

} // namespace clawdspace::files
