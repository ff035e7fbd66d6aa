#pragma once

#include "moved_clock.hpp"
#include <clawdspace/space/follower.hpp>
#include <clawdspace/space/sleeper.hpp>

#include <optional>
#include <stdexcept>
#include <support/fake_engine.hpp>
#include <support/folder.hpp>
#include <support/run_coroutine.hpp>

namespace clawdspace::test {

using namespace clawdspace::spaces;
using namespace std::chrono_literals;

/// Everything that keeps spaces, on an Engine that does what a test says.
struct world {
  explicit world(asio::io_context& on) : loop(on) {
    rules.busy_percent = 0;
    rules.relist_every = 1h;
    docker_engine.created =
        std::chrono::duration_cast<std::chrono::seconds>(time.now().time_since_epoch()).count();
  }

  asio::io_context& loop;
  test::folder here;
  policy rules;
  test::fake_engine docker_engine{loop.get_executor()};
  test::moved_clock time{loop.get_executor()};
  folders state{here.path() / "state",
                {.init = here.write("init", "program"), .files = here.write("files", "program")}};
  engine::client docker{loop.get_executor(), {.socket_path = docker_engine.socket()}};
  event_hub events{loop.get_executor()};
  registry known{loop.get_executor(), time, events};
  lifecycle operations{loop.get_executor(), docker, known, state, time, rules};
  spaces::follower follower{docker, known, operations, state, [](const engine::engine_event&) {}};
  spaces::sleeper sleeper{docker, known, operations, time};

  /// Waits, within a bound, until the condition holds.
  template <class Condition> task<> until(Condition condition) {
    asio::steady_timer turn(loop.get_executor());
    for (const auto end = std::chrono::steady_clock::now() + 8s; !condition();) {
      if (std::chrono::steady_clock::now() > end) throw std::runtime_error("it did not happen within 8 s");
      turn.expires_after(1ms);
      co_await turn.async_wait(asio::use_awaitable);
    }
  }

  /// Returns when the sleeper has looked at every space once more.
  task<> look() {
    const auto seen = time.waits();
    known.changed().bump();
    const auto looked = [&] { return time.waits() > seen; };
    co_await until(looked);
  }

  task<space_ptr> make(std::string name) { co_return co_await operations.create({.name = std::move(name)}); }

  [[nodiscard]] test::fake_engine::container& container_of(const space_ptr& s) {
    return docker_engine.containers.at(s->container);
  }
  [[nodiscard]] std::int64_t now_ns() const {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.now().time_since_epoch()).count();
  }
  /// Whether anything of a space is left on disk.
  [[nodiscard]] bool has_folders() const { return !std::filesystem::is_empty(state.root() / "spaces"); }
};

/// Runs `body(world&)` beside the Engine, the follower and the sleeper, and ends them in order.
template <class Body> void in_world(Body body, std::chrono::seconds deadline = 20s) {
  const auto all = [&](asio::io_context& loop) -> task<> {
    world w(loop);
    const auto followed = [&](nursery& beside) -> task<> {
      beside.start(w.follower.run());
      beside.start(w.sleeper.run());
      const auto up = [&] { return w.follower.engine_status().up; };
      co_await w.until(up);
      co_await body(w);
      beside.cancel();
    };
    const auto served = [&](nursery& engine) -> task<> {
      engine.start(w.docker_engine.run());
      std::exception_ptr failure;
      try {
        co_await with_nursery(followed);
      } catch (...) {
        failure = std::current_exception();
      }
      w.docker_engine.release();
      co_await w.operations.close(5s);
      engine.cancel();
      if (failure) std::rethrow_exception(failure);
    };
    co_await with_nursery(served);
  };
  test::run_coroutine(all, deadline);
}

/// What an awaited operation threw; nothing where it threw nothing of ours.
template <class T> task<std::optional<error>> refusal(task<T> operation) {
  try {
    co_await std::move(operation);
  } catch (const error& e) {
    co_return e;
  }
  co_return std::nullopt;
}

} // namespace clawdspace::test
