#pragma once

#include <clawdspace/core/clock.hpp>

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

namespace clawdspace::api {

/// Stand-ins for the key where it must not stand: each opens one door once, soon after it was asked for, so
/// that a URL that is kept, logged or sent on opens none.
class tickets {
 public:
  explicit tickets(clock& time) : clock_(time) {}

  /// What it opens: a terminal's WebSocket, on whose handshake a browser can set no header; or a session, for
  /// the link that signs in to the dashboard, which waits for a person.
  enum class purpose { terminal, session };

  struct ticket {
    std::string text;
    time_point expires;
    purpose what = purpose::terminal;
  };

  /// A new one. Past a bound the oldest that nobody used is void.
  ticket issue(purpose what = purpose::terminal);

  /// Whether it was good for that; if so it is void from now on.
  [[nodiscard]] bool redeem(std::string_view text, purpose what = purpose::terminal);

 private:
  void drop_expired();

  clock& clock_;
  std::deque<ticket> open_; ///< in the order they were issued in
};

} // namespace clawdspace::api
