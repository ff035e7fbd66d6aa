#pragma once

#include <clawdspace/core/result.hpp>

#include <compare>
#include <string>
#include <string_view>

namespace clawdspace::engine {

/// A version of the Engine API: `1.41`. Its parts compare as numbers (1.9 is older than 1.41).
struct api_version {
  int major = 0;
  int minor = 0;

  auto operator<=>(const api_version&) const = default;
  /// Fails with errc::engine_failed where the text is not two numbers with a dot.
  static result<api_version> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
};

/// What this client was written for.
inline constexpr api_version oldest_spoken{1, 40};
inline constexpr api_version newest_spoken{1, 47};

/// The newest version that both sides accept. Engine 29.0 raised its minimum to 1.44 (moby 2c59be7), so both
/// ends of its range count. Fails with errc::engine_failed and both ranges.
result<api_version> agree(api_version oldest_of_engine, api_version newest_of_engine);

} // namespace clawdspace::engine
