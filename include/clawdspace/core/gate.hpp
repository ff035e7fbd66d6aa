#pragma once

#include <clawdspace/core/task.hpp>

#include <asio/experimental/channel.hpp>

#include <cstddef>
#include <memory>

namespace clawdspace {

/// Takes turns among coroutines, first come, first served; a cancelled waiter leaves the queue. Not a lock:
/// nothing blocks, and a pass may be held across awaits.
class gate {
  struct leave {
    void operator()(gate* g) const noexcept {
      g->turn_.try_receive([](auto&&...) {});
    }
  };

 public:
  using pass = std::unique_ptr<gate, leave>;

  /// `width`: how many may be inside at once.
  explicit gate(const asio::any_io_executor& executor, std::size_t width = 1) : turn_(executor, width) {}

  /// The turn; it is given back when the pass is destroyed, and the gate must outlive it.
  task<pass> enter() {
    if (!turn_.try_send()) co_await turn_.async_send(asio::use_awaitable);
    co_return pass(this);
  }

 private:
  asio::experimental::channel<void()> turn_;
};

} // namespace clawdspace
