#pragma once

#include <clawdspace/core/task.hpp>

#include <cstdint>

namespace clawdspace {

/// A number that grows with every change of what it stands for, and can be waited on: a change between
/// looking and waiting is never missed.
class revision {
 public:
  explicit revision(const asio::any_io_executor& executor)
      : sleepers_(executor, asio::steady_timer::time_point::max()) {}

  [[nodiscard]] std::uint64_t value() const noexcept { return value_; }
  void bump() {
    ++value_;
    sleepers_.cancel();
  }

  /// Returns once the value is no longer `seen`.
  task<> wait_past(std::uint64_t seen) {
    while (value_ == seen) co_await sleepers_.async_wait(nothrow);
  }

 private:
  asio::steady_timer sleepers_;
  std::uint64_t value_ = 0;
};

} // namespace clawdspace
