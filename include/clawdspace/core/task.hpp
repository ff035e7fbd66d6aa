#pragma once

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/experimental/deferred.hpp>
#include <asio/experimental/parallel_group.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/version.hpp>

#include <chrono>
#include <exception>
#include <system_error>
#include <utility>

namespace clawdspace {

/// A coroutine that starts when it is awaited and is over when the await returns.
template <class T = void> using task = asio::awaitable<T>;

// Completion tokens that left asio::experimental by 1.38: named here and nowhere else.
#if ASIO_VERSION >= 102600
using asio::as_tuple;
using asio::deferred;
#else
using asio::experimental::as_tuple;
using asio::experimental::deferred;
#endif
using asio::experimental::make_parallel_group;
using asio::experimental::wait_for_one;

/// `auto [ec, n] = co_await stream.async_read_some(buffer, nothrow);`
inline constexpr auto nothrow = as_tuple(asio::use_awaitable);

/// Runs `op` for at most `limit`, then cancels it. `op` has always ended on return; a value that came wins
/// over the clock. Throws std::system_error with std::errc::timed_out where the time was up.
template <class T> task<T> with_deadline(std::chrono::steady_clock::duration limit, task<T> op) {
  auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer{executor, limit};
  auto done = co_await make_parallel_group(asio::co_spawn(executor, std::move(op), deferred),
                                           timer.async_wait(deferred))
                  .async_wait(wait_for_one(), asio::use_awaitable);
  auto state = co_await asio::this_coro::cancellation_state;
  const bool late = std::get<0>(done)[0] == 1 && state.cancelled() == asio::cancellation_type::none;
  auto failure = std::get<1>(done);
  if (failure && late) throw std::system_error(make_error_code(std::errc::timed_out));
  if (failure) std::rethrow_exception(failure);
  if constexpr (!std::is_void_v<T>) co_return std::move(std::get<2>(done));
}

/// Runs both until one has ended, cancels the other, and returns when both have. For waits that consume
/// nothing: what the cancelled one had taken would be lost. Rethrows the failure of the one that ended first.
inline task<> first_of(task<> a, task<> b) {
  auto executor = co_await asio::this_coro::executor;
  auto [order, failure_a, failure_b] =
      co_await make_parallel_group(asio::co_spawn(executor, std::move(a), deferred),
                                   asio::co_spawn(executor, std::move(b), deferred))
          .async_wait(wait_for_one(), asio::use_awaitable);
  const auto failure = order[0] == 0 ? failure_a : failure_b;
  if (failure) std::rethrow_exception(failure);
}

/// Whether an exception is the one that `with_deadline` throws.
inline bool is_timeout(const std::system_error& e) { return e.code() == std::errc::timed_out; }

/// Whether an exception only says that its coroutine was cancelled.
inline bool is_cancellation(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::system_error& e) {
    return e.code() == asio::error::operation_aborted;
  } catch (...) {
    return false;
  }
}

} // namespace clawdspace
