#include <clawdspace/core/nursery.hpp>

namespace clawdspace {

void nursery::start(task<> child) {
  auto self = children_.emplace(children_.end());
  empty_.reset();
  asio::co_spawn(executor_, std::move(child),
                 asio::bind_cancellation_slot(self->slot(), [this, self](std::exception_ptr e) {
                   children_.erase(self);
                   if (e) fail(e);
                   if (children_.empty()) empty_.set();
                 }));
  // The child has run up to its first wait, but its end is not told before the next turn of the loop.
  if (cancelled_) self->emit(asio::cancellation_type::terminal);
}

void nursery::fail(std::exception_ptr why) {
  if (failure_ || cancelled_) return;
  failure_ = std::move(why);
  cancel();
}

void nursery::cancel() {
  cancelled_ = true;
  // A child may end, and leave the list, while it is told.
  for (auto it = children_.begin(); it != children_.end();) (it++)->emit(asio::cancellation_type::terminal);
}

task<> nursery::join() {
  co_await empty_.wait();
  if (failure_) std::rethrow_exception(failure_);
}

} // namespace clawdspace
