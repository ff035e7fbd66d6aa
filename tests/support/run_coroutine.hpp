#pragma once

#include <clawdspace/core/task.hpp>

#include <asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <stdexcept>

namespace clawdspace::test {

/// Runs `body(io_context&)`, a named coroutine lambda, on a loop of its own to its end, and rethrows what it
/// throws; whatever else runs on the loop is then left to the io_context's destructor. Fails with
/// std::errc::timed_out at the deadline.
template <class Body>
void run_coroutine(Body body, std::chrono::steady_clock::duration deadline = std::chrono::seconds(10)) {
  asio::io_context loop{1};
  std::exception_ptr failure;
  bool done = false;
  asio::co_spawn(loop, with_deadline<void>(deadline, body(loop)), [&](std::exception_ptr e) {
    failure = e;
    done = true;
    loop.stop();
  });
  loop.run();
  if (failure) std::rethrow_exception(failure);
  if (!done) throw std::logic_error("the loop ran out of work before the test's coroutine ended");
}

} // namespace clawdspace::test
