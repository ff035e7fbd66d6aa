#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace clawdspace::files {

/// What the program was called with. Views are into argv.
struct options {
  std::string_view op;
  std::string_view path;
  std::string_view to;

  bool head = false;
  bool follow = false;
  bool parents = false;
  bool recursive = false;
  bool replace = false;
  std::optional<std::int64_t> first, last, suffix, length, limit;
  std::optional<std::int64_t> if_modified_since, if_unmodified_since;
  std::optional<std::string_view> if_match, if_none_match, if_range, after;
  std::optional<unsigned> mode;
};

/// Empty when `arguments` (argv without the program) are right and `into` has them, else words.
std::string parse_options(std::span<char* const> arguments, options& into);

/// Decimal digits, not negative.
std::optional<std::int64_t> parse_number(std::string_view digits);

} // namespace clawdspace::files
