#include <clawdspace/core/error.hpp>
#include <clawdspace/space/types.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace clawdspace::spaces {

std::string_view to_string(space_state s) noexcept {
  switch (s) {
  case space_state::creating:
    return "creating";
  case space_state::running:
    return "running";
  case space_state::paused:
    return "paused";
  case space_state::stopped:
    return "stopped";
  case space_state::destroying:
    return "destroying";
  }
  return "unknown";
}

std::string_view to_string(profile p) noexcept { return p == profile::strict ? "strict" : "standard"; }

std::optional<profile> profile_from(std::string_view word) noexcept {
  if (word == "standard") return profile::standard;
  if (word == "strict") return profile::strict;
  return std::nullopt;
}

namespace {

constexpr std::size_t longest_name = 56;

bool is_name(std::string_view name) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= longest_name && alphanumeric(name.front()) &&
         alphanumeric(name.back()) &&
         std::ranges::all_of(name, [&](char c) { return alphanumeric(c) || c == '-'; });
}

} // namespace

void check_name(std::string_view name) {
  if (is_name(name)) return;
  if (name.size() > longest_name)
    throw error(errc::invalid_name,
                fmt::format("the name is {} characters long: at most {} can stand in a host name",
                            name.size(), longest_name));
  std::string would_do(name);
  std::ranges::transform(would_do, would_do.begin(), [](char c) {
    if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
    return c == '_' ? '-' : c;
  });
  constexpr std::string_view rule = "lower-case letters, digits and inner hyphens, at most 56 characters";
  if (is_name(would_do))
    throw error(errc::invalid_name,
                fmt::format("\"{}\" is not a name for a space ({}): \"{}\" would do", name, rule, would_do));
  throw error(errc::invalid_name, fmt::format("\"{}\" is not a name for a space: use {}", name, rule));
}

} // namespace clawdspace::spaces
