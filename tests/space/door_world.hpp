#pragma once

#include "moved_clock.hpp"
#include <clawdspace/space/chosen_backend.hpp>
#include <clawdspace/space/lifecycle.hpp>

#include <doctest/doctest.h>

#include <csignal>
#include <door/scripted_init.hpp>
#include <fcntl.h>
#include <memory>
#include <string>
#include <support/fake_engine.hpp>
#include <support/folder.hpp>
#include <support/run_coroutine.hpp>
#include <unistd.h>
#include <vector>

namespace clawdspace::test {

/// A space on an Engine that does what a test says, with an init that does too: this process.
struct door_world {
  explicit door_world(asio::io_context& on) : loop(on) {
    ::signal(SIGPIPE, SIG_IGN); // as the daemon does
    known.set_filled();
    operations.set_host({.id = "fake", .cpus = 4, .memory = 8_GiB});
    operations.before_start([this](const spaces::space_ptr& s) { all.open(s); });
    rules.drain = milliseconds(50);
  }

  asio::io_context& loop;
  folder here;
  spaces::policy rules;
  fake_engine docker_engine{loop.get_executor()};
  moved_clock time{loop.get_executor()};
  spaces::folders state{here.path() / "state",
                        {.init = here.write("init", "program"), .files = here.write("files", "program")}};
  engine::client docker{loop.get_executor(), {.socket_path = docker_engine.socket()}};
  spaces::event_hub events{loop.get_executor()};
  spaces::registry known{loop.get_executor(), time, events};
  spaces::lifecycle operations{loop.get_executor(), docker, known, state, time, rules};
  spaces::doors all{loop.get_executor(), docker, known, state};
  spaces::door_backend door{loop.get_executor(), all, rules};

  template <class Condition> task<> until(Condition condition) {
    asio::steady_timer turn(loop.get_executor());
    for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(8); !condition();) {
      if (std::chrono::steady_clock::now() > end) throw std::runtime_error("it did not happen within 8 s");
      turn.expires_after(std::chrono::milliseconds(1));
      co_await turn.async_wait(asio::use_awaitable);
    }
  }

  [[nodiscard]] std::filesystem::path folder_of(const spaces::space_ptr& s) const {
    return state.root() / "spaces" / s->self.id / "door";
  }

  /// A space that runs, before its init has connected.
  task<spaces::space_ptr> make(std::string name = "one", int pid = ::getpid()) {
    auto s = co_await operations.create({.name = std::move(name)});
    docker_engine.containers.at(s->container).pid = pid;
    co_return s;
  }
  task<scripted_init> enter(spaces::space_ptr s, std::string life = "life1") {
    scripted_init init(loop.get_executor(), folder_of(s));
    const auto answer = co_await init.greet(std::move(life));
    CHECK(answer == "welcome 1");
    co_return init;
  }

  /// A command, and the ends that init was given.
  struct begun {
    std::unique_ptr<spaces::running_command> command;
    std::vector<std::string> words;
    door::descriptors ends;
  };
  task<begun> run(spaces::space_ptr s, scripted_init& init, spaces::command_spec what) {
    begun all_of_it;
    const auto both = [&](nursery& side) -> task<> {
      const auto start = [](door_world& w, spaces::space_ptr where, spaces::command_spec spec,
                            begun& into) -> task<> {
        into.command = co_await w.door.start(std::move(where), std::move(spec));
      };
      side.start(start(*this, s, what, all_of_it));
      auto heard = co_await init.hear();
      all_of_it.words = std::move(heard.words);
      all_of_it.ends = std::move(heard.with);
      init.say("started", what.id, "7");
    };
    co_await with_nursery(both);
    co_return all_of_it;
  }
};

/// Runs `body(door_world&)` beside its Engine, and ends everything in order.
template <class Body>
void behind_a_door(Body body, std::chrono::seconds deadline = std::chrono::seconds(15)) {
  const auto all = [&](asio::io_context& loop) -> task<> {
    door_world w(loop);
    const auto served = [&](nursery& engine) -> task<> {
      engine.start(w.docker_engine.run());
      std::exception_ptr failure;
      try {
        co_await body(w);
      } catch (...) {
        failure = std::current_exception();
      }
      co_await w.operations.close(std::chrono::seconds(5));
      co_await w.all.close();
      engine.cancel();
      if (failure) std::rethrow_exception(failure);
    };
    co_await with_nursery(served);
  };
  run_coroutine(all, deadline);
}

inline std::string text_of(const spaces::output_piece& piece) {
  return {reinterpret_cast<const char*>(piece.data.data()), piece.data.size()};
}

inline void put(const unique_fd& into, std::string_view text) {
  REQUIRE(::write(into.value(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

} // namespace clawdspace::test
