#pragma once

#include <clawdspace/core/event.hpp>
#include <clawdspace/core/task.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>

#include <exception>
#include <list>

namespace clawdspace {

/// Owns running coroutines: they end before it does. The first that fails ends its siblings, and `join`
/// rethrows its failure. The owner of a nursery must await `join` before destroying it; make it the last
/// member.
class nursery {
 public:
  explicit nursery(const asio::any_io_executor& executor) : executor_(executor), empty_(executor) {
    empty_.set();
  }
  nursery(const nursery&) = delete;
  nursery& operator=(const nursery&) = delete;

  /// Runs `child` beside its owner, at once up to its first wait; a child that comes after `cancel` (a
  /// sibling that was over at once may have called it) is cancelled there. Its parameters must be values, or
  /// outlive the nursery.
  void start(task<> child);

  /// Asks every child to end; what they then throw is not a failure.
  void cancel();

  /// As when a child fails: the others end, and `join` rethrows it.
  void fail(std::exception_ptr why);

  /// Waits until no child runs; rethrows the first failure.
  task<> join();

  [[nodiscard]] bool empty() const noexcept { return children_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return children_.size(); }

 private:
  asio::any_io_executor executor_;
  event empty_;
  std::list<asio::cancellation_signal> children_;
  std::exception_ptr failure_;
  bool cancelled_ = false;
};

/// Runs `body(nursery&)`, a named coroutine lambda, then joins; when either fails or is cancelled, the
/// children are cancelled and awaited before the failure goes on.
template <class Body> task<> with_nursery(Body body) {
  nursery children(co_await asio::this_coro::executor);
  std::exception_ptr failure;
  try {
    co_await body(children);
    co_await children.join();
  } catch (...) {
    failure = std::current_exception();
  }
  if (!failure) co_return;
  co_await asio::this_coro::throw_if_cancelled(false); // the farewell must not be cancelled
  children.cancel();
  try {
    co_await children.join();
  } catch (...) {
    failure = std::current_exception();
  }
  co_await asio::this_coro::throw_if_cancelled(true);
  std::rethrow_exception(failure);
}

} // namespace clawdspace
