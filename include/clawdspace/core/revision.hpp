#pragma once

#include <clawdspace/core/task.hpp>

#include <chrono>
#include <cstdint>
#include <vector>

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
    for (auto* sleeper : bounded_) sleeper->cancel();
  }

  /// Returns once the value is no longer `seen`.
  task<> wait_past(std::uint64_t seen) {
    while (value_ == seen) co_await sleepers_.async_wait(nothrow);
  }
  /// The same, but not beyond `until`.
  task<> wait_past(std::uint64_t seen, std::chrono::steady_clock::time_point until) {
    asio::steady_timer own{sleepers_.get_executor(), until};
    const enrolled here(bounded_, own);
    while (value_ == seen && std::chrono::steady_clock::now() < until) co_await own.async_wait(nothrow);
  }

 private:
  class enrolled {
   public:
    enrolled(std::vector<asio::steady_timer*>& among, asio::steady_timer& who) : among_(among), who_(&who) {
      among_.push_back(who_);
    }
    enrolled(const enrolled&) = delete;
    enrolled& operator=(const enrolled&) = delete;
    ~enrolled() { std::erase(among_, who_); }

   private:
    std::vector<asio::steady_timer*>& among_;
    asio::steady_timer* who_;
  };

  asio::steady_timer sleepers_;
  std::vector<asio::steady_timer*> bounded_;
  std::uint64_t value_ = 0;
};

} // namespace clawdspace
