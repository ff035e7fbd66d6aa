#pragma once

#include <clawdspace/core/task.hpp>

namespace clawdspace {

/// Wakes all who wait. A wait that is cancelled throws on the next turn of the loop.
class event {
 public:
  explicit event(const asio::any_io_executor& executor)
      : sleepers_(executor, asio::steady_timer::time_point::max()) {}

  [[nodiscard]] bool is_set() const noexcept { return set_; }
  void set() {
    set_ = true;
    sleepers_.cancel();
  }
  void reset() noexcept { set_ = false; }

  task<> wait() {
    while (!set_) co_await sleepers_.async_wait(nothrow);
  }

 private:
  asio::steady_timer sleepers_;
  bool set_ = false;
};

} // namespace clawdspace
