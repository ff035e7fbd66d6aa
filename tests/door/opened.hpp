#pragma once

#include <clawdspace/core/error.hpp>
#include <clawdspace/core/nursery.hpp>
#include <clawdspace/door/door.hpp>

#include <doctest/doctest.h>

#include <door/scripted_init.hpp>
#include <optional>
#include <support/folder.hpp>
#include <support/run_coroutine.hpp>
#include <unistd.h>

namespace clawdspace::test {

/// A door in a folder of its own, with short patience.
struct opened {
  explicit opened(asio::io_context& on)
      : executor(on.get_executor()),
        door(std::make_shared<door::door>(executor, here.path(),
                                          door::patience{.unknown = std::chrono::milliseconds(300),
                                                         .greeting = std::chrono::milliseconds(300),
                                                         .penalty = std::chrono::milliseconds(100),
                                                         .answer = std::chrono::milliseconds(500)})) {
    door->listen();
  }

  folder here;
  asio::any_io_executor executor;
  std::shared_ptr<door::door> door;

  scripted_init knock() { return {executor, here.path()}; }

  /// An init that has been let in and welcomed.
  task<scripted_init> enter(std::string life = "life1") {
    door->expect(::getpid());
    auto init = knock();
    const auto answer = co_await init.greet(std::move(life));
    CHECK(answer == "welcome 1");
    co_return init;
  }

  template <class Condition> task<> until(Condition condition) {
    asio::steady_timer turn(executor);
    for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5); !condition();) {
      if (std::chrono::steady_clock::now() > end) throw std::runtime_error("it did not happen within 5 s");
      turn.expires_after(std::chrono::milliseconds(1));
      co_await turn.async_wait(asio::use_awaitable);
    }
  }
};

/// Runs `body(opened&)` and closes the door behind it.
template <class Body> void at_a_door(Body body) {
  const auto all = [&](asio::io_context& loop) -> task<> {
    opened at(loop);
    std::exception_ptr failure;
    try {
      co_await body(at);
    } catch (...) {
      failure = std::current_exception();
    }
    co_await at.door->close();
    if (failure) std::rethrow_exception(failure);
  };
  run_coroutine(all);
}

/// What an awaited operation of ours threw.
inline task<std::optional<error>> refusal_of(task<> operation) {
  try {
    co_await std::move(operation);
  } catch (const error& e) {
    co_return e;
  }
  co_return std::nullopt;
}

} // namespace clawdspace::test
