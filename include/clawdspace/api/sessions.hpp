#pragma once

#include <clawdspace/core/clock.hpp>
#include <clawdspace/core/siphash.hpp>

#include <array>
#include <filesystem>
#include <string>
#include <string_view>

namespace clawdspace::api {

/// What every session's token begins with.
inline constexpr std::string_view session_prefix = "session-";

/// Stand-ins for the key that a browser keeps in its place: good for a week, also for the next life of the
/// daemon, and void as soon as the key is another. They are not stored: each carries when it ends, and 128
/// bits that only this daemon can make (two SipHash-2-4, keys of their own) over that and the key.
class sessions {
 public:
  using secret = std::array<siphash_key, 2>;

  /// With the secret in `file`, made there (mode 0600) if there is none. Throws std::system_error.
  static secret load_secret(const std::filesystem::path& file);

  sessions(secret own, std::string key, clock& time) : secret_(own), key_(std::move(key)), clock_(time) {}

  struct session {
    std::string text;
    time_point expires;
  };
  [[nodiscard]] session issue() const;
  [[nodiscard]] bool is_good(std::string_view text) const;

 private:
  [[nodiscard]] std::string seal(std::string_view about) const;

  secret secret_;
  std::string key_;
  clock& clock_;
};

} // namespace clawdspace::api
