#pragma once

#include <clawdspace/core/clock.hpp>

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace clawdspace::proxy {

/// Signed words that open one port of one space until a time (HMAC-SHA256). A link's is no cookie's and the
/// other way round; one for a space is void when another takes its name.
class passes {
 public:
  using secret = std::array<std::byte, 32>;
  enum class kind : char { link = 'l', cookie = 'c' };

  explicit passes(const secret& key) : key_(key) {}

  /// Reads the secret, or makes one (mode 0600) where there is none yet: passes outlive the daemon. Throws
  /// std::system_error.
  static passes load(const std::filesystem::path& file);

  [[nodiscard]] std::string make(kind what, std::string_view space_id, std::uint16_t port,
                                 time_point until) const;

  /// Until when it opens that port; the clock's epoch where it does not, or no longer.
  [[nodiscard]] time_point check(kind what, std::string_view space_id, std::uint16_t port,
                                 std::string_view pass, time_point now) const;

 private:
  [[nodiscard]] std::string sign(kind what, std::string_view space_id, std::uint16_t port,
                                 std::string_view until) const;

  secret key_;
};

} // namespace clawdspace::proxy
