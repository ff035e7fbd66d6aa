#pragma once

#include <clawdspace/core/clock.hpp>

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

namespace clawdspace::api {

/// Stand-ins for the key where a browser can set no header (a WebSocket's handshake): each opens one door
/// once, soon after it was asked for, so that a URL that is kept, logged or sent on opens none.
class tickets {
 public:
  explicit tickets(clock& time) : clock_(time) {}

  struct ticket {
    std::string text;
    time_point expires;
  };

  /// A new one. Past a bound the oldest that nobody used is void.
  ticket issue();

  /// Whether it was good; it is void from now on.
  [[nodiscard]] bool redeem(std::string_view text);

 private:
  void drop_expired();

  clock& clock_;
  std::deque<ticket> open_; ///< by age
};

} // namespace clawdspace::api
