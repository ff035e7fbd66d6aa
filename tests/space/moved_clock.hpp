#pragma once

#include <clawdspace/core/clock.hpp>
#include <clawdspace/core/revision.hpp>

namespace clawdspace::test {

/// A clock that stands until a test moves it.
class moved_clock final : public clock {
 public:
  explicit moved_clock(const asio::any_io_executor& executor) : moved_(executor) {}

  [[nodiscard]] time_point now() const override { return now_; }
  task<> wait_until(time_point when) override {
    ++waits_;
    while (now_ < when) co_await moved_.wait_past(moved_.value());
  }

  void advance(milliseconds by) { set(now_ + by); }
  void set(time_point to) {
    now_ = to;
    moved_.bump();
  }
  /// How often somebody began to wait: tells that a loop has looked and found nothing to do.
  [[nodiscard]] int waits() const noexcept { return waits_; }

 private:
  time_point now_ = from_rfc3339("2026-01-31T08:00:00Z");
  revision moved_;
  int waits_ = 0;
};

} // namespace clawdspace::test
