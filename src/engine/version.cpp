#include <clawdspace/engine/version.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace clawdspace::engine {

result<api_version> api_version::parse(std::string_view text) {
  api_version v;
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const auto [dot, major_failure] = std::from_chars(begin, end, v.major);
  if (major_failure == std::errc{} && dot != end && *dot == '.') {
    const auto [rest, minor_failure] = std::from_chars(dot + 1, end, v.minor);
    if (minor_failure == std::errc{} && rest == end && v.major >= 0 && v.minor >= 0) return v;
  }
  return failure(errc::engine_failed,
                 fmt::format("\"{}\" is not a version of the Engine API", text.substr(0, 40)));
}

std::string api_version::to_string() const { return fmt::format("{}.{}", major, minor); }

result<api_version> agree(api_version oldest_of_engine, api_version newest_of_engine) {
  const auto chosen = std::min(newest_spoken, newest_of_engine);
  if (chosen >= std::max(oldest_spoken, oldest_of_engine)) return chosen;
  return failure(errc::engine_failed,
                 fmt::format("the Docker Engine speaks API {} to {}, Clawdspace {} to {}: {} is too old",
                             oldest_of_engine.to_string(), newest_of_engine.to_string(),
                             oldest_spoken.to_string(), newest_spoken.to_string(),
                             newest_of_engine < oldest_spoken ? "the Engine" : "Clawdspace"));
}

} // namespace clawdspace::engine
