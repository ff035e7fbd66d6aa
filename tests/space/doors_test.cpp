#include "door_world.hpp"

using namespace clawdspace;
using namespace clawdspace::spaces;
using namespace std::chrono_literals;
using test::behind_a_door;
using test::door_world;
using test::put;
using test::text_of;

namespace {

/// In the Engine's place: notes that it was asked.
class other_way final : public command_backend {
 public:
  int asked = 0;
  task<std::unique_ptr<running_command>> start(space_ptr, command_spec) override {
    ++asked;
    co_return nullptr;
  }
  task<bool> end_rest(space_ptr, std::string) override {
    ++asked;
    co_return false;
  }
  void forget(const space_ptr&, const std::string&) override {}
  [[nodiscard]] std::string limitation(const space&) const override { return "it is another way"; }
};

task<> wait_for_end(running_command& command, process_end& into) {
  while (!(co_await command.read()).is_end()) {
  }
  into = co_await command.end();
}

} // namespace

TEST_CASE("the Engine is asked for a space's first process once, and not for a command") {
  const auto body = [](door_world& w) -> task<> {
    const auto s = co_await w.make();
    auto init = co_await w.enter(s);
    CHECK(w.docker_engine.calls("inspect") == 1);
    for (const auto* const id : {"c1", "c2"}) co_await w.run(s, init, {.id = id, .argv = {"x"}});
    CHECK(w.docker_engine.calls("inspect") == 1);
    CHECK(w.docker_engine.calls("exec") == 0);
  };
  behind_a_door(body);
}

TEST_CASE(
    "without a door commands take the other way after 2 s, the space says why, and later ones at once") {
  const auto body = [](door_world& w) -> task<> {
    other_way engine;
    chosen_backend chosen(w.all, w.door, engine);
    const auto s = co_await w.make();
    CHECK(chosen.limitation(*s).empty()); // it may yet open
    const auto from = std::chrono::steady_clock::now();
    co_await chosen.start(s, {.id = "c1", .argv = {"x"}});
    const auto took = std::chrono::steady_clock::now() - from;
    CHECK(took > 1500ms);
    CHECK(took < 4s);
    CHECK(engine.asked == 1);
    co_await w.until([&] { return s->backend_reason.find("did not open the door") != std::string::npos; });
    CHECK(s->backend == "engine");
    CHECK_FALSE(chosen.limitation(*s).empty());
    co_await chosen.start(s, {.id = "c2", .argv = {"x"}});
    CHECK(std::chrono::steady_clock::now() - from < took + 500ms);
    std::optional<errc> refused;
    try {
      co_await chosen.start(s, {.id = "c3", .argv = {"x"}, .outlives = true});
    } catch (const error& e) {
      refused = e.code();
    }
    CHECK(refused == errc::not_supported);
    auto init = co_await w.enter(s); // and when it opens after all
    co_await w.until([&] { return s->backend == "door"; });
    CHECK(s->backend_reason.empty());
  };
  behind_a_door(body);
}

TEST_CASE("a space whose init is another version's says so") {
  const auto body = [](door_world& w) -> task<> {
    other_way engine;
    chosen_backend chosen(w.all, w.door, engine);
    const auto s = co_await w.make();
    std::filesystem::remove(w.folder_of(s) / "init");
    w.here.write(w.folder_of(s) / "init", "an older program");
    co_await chosen.start(s, {.id = "c1", .argv = {"x"}});
    co_await w.until([&] { return s->backend_reason.find("another version") != std::string::npos; });
  };
  behind_a_door(body);
}

TEST_CASE("a command waits for a door that is about to open, and no longer than that takes") {
  const auto body = [](door_world& w) -> task<> {
    other_way engine;
    chosen_backend chosen(w.all, w.door, engine);
    const auto s = co_await w.make();
    const auto both = [&](nursery& side) -> task<> {
      const auto start = [](command_backend& through, space_ptr where) -> task<> {
        const auto command = co_await through.start(where, {.id = "c1", .argv = {"x"}});
        CHECK(command != nullptr);
      };
      side.start(start(chosen, s));
      asio::steady_timer pause(w.loop, 100ms);
      co_await pause.async_wait(asio::use_awaitable);
      auto init = co_await w.enter(s);
      CHECK((co_await init.hear()).words.front() == "spawn");
      init.say("started", "c1", "7");
      co_await pause.async_wait(asio::use_awaitable);
    };
    co_await with_nursery(both);
    CHECK(engine.asked == 0);
  };
  behind_a_door(body);
}

TEST_CASE("a process that is not the space's first is not served") {
  const auto body = [](door_world& w) -> task<> {
    const auto s = co_await w.make("one", ::getppid());
    test::scripted_init impostor(w.loop.get_executor(), w.folder_of(s));
    impostor.say("hello", "1", "x");
    CHECK((co_await impostor.hear()).words.empty());
    CHECK(s->backend == "engine");
  };
  behind_a_door(body);
}

TEST_CASE("a command lives through a lost connection, and its end of meanwhile is told") {
  const auto body = [](door_world& w) -> task<> {
    const auto s = co_await w.make();
    auto init = co_await w.enter(s);
    auto begun = co_await w.run(s, init, {.id = "c1", .argv = {"x"}});
    process_end end;
    const auto both = [&](nursery& side) -> task<> {
      side.start(wait_for_end(*begun.command, end));
      init.close();
      co_await w.until([&] { return !w.all.find(*s); });
      begun.ends.clear();
      test::scripted_init back(w.loop.get_executor(), w.folder_of(s));
      back.say("hello", "1", "life1");
      back.say("command", "c1", "exited", "6", "oom=0", "gone=confirmed");
      back.say("ready");
      CHECK((co_await back.hear()).text() == "welcome 1");
      co_await w.until([&] { return end.is_known(); });
    };
    co_await with_nursery(both);
    CHECK(end.exit_code == 6);
    CHECK(w.docker_engine.calls("inspect") == 1); // the same process
  };
  behind_a_door(body);
}

TEST_CASE("a space that is stopped and started has another init, and what ran is lost") {
  const auto body = [](door_world& w) -> task<> {
    const auto s = co_await w.make();
    auto init = co_await w.enter(s);
    auto begun = co_await w.run(s, init, {.id = "c1", .argv = {"x"}});
    process_end end;
    const auto both = [&](nursery& side) -> task<> {
      side.start(wait_for_end(*begun.command, end));
      co_await w.operations.stop(s, sleep_depth::stopped);
      init.close();
    };
    co_await with_nursery(both);
    CHECK_FALSE(end.is_known());
    CHECK(end.reason == "its space was stopped");
    const auto awake = co_await w.operations.wake(s);
    auto next = co_await w.enter(s, "life2");
    CHECK(w.docker_engine.calls("inspect") == 2);
    const auto again = co_await w.run(s, next, {.id = "c2", .argv = {"x"}});
    CHECK(again.command != nullptr);
  };
  behind_a_door(body);
}

TEST_CASE("a space that is restarted behind our back is served anew") {
  const auto body = [](door_world& w) -> task<> {
    const auto s = co_await w.make("one", ::getpid());
    {
      auto init = co_await w.enter(s, "life1");
      w.all.find(*s)->expect(::getppid()); // as if that had been its process
      CHECK((co_await init.hear()).words.empty());
    }
    auto next = co_await w.enter(s, "life2");
    CHECK(w.docker_engine.calls("inspect") == 2);
  };
  behind_a_door(body);
}

TEST_CASE("commands of a daemon before this one are handed over, with what was kept of them") {
  const auto body = [](door_world& w) -> task<> {
    std::vector<found_command> found;
    w.door.on_found([&](const space_ptr&, found_command one) { found.push_back(std::move(one)); });
    const auto s = co_await w.make();
    auto in = door::make_pipe();
    auto out = door::make_pipe();
    put(out.writing, "said before");
    test::scripted_init init(w.loop.get_executor(), w.folder_of(s));
    init.say("hello", "1", "life1");
    door::descriptors kept;
    kept.push_back(std::move(in.writing));
    kept.push_back(std::move(out.reading));
    kept.push_back(door::make_sealed("ring"));
    init.say_raw(door::to_frame({"command", "c1", "running", "7", "fds=ioh"}), kept);
    init.say("command", "c2", "exited", "4", "oom=0", "gone=confirmed");
    init.say("ready");
    co_await w.until([&] { return found.size() == 2; });
    CHECK(found[0].id == "c1");
    CHECK(door::is_memory_file(found[0].history.value()));
    CHECK(text_of(co_await found[0].command->read()) == "said before");
    CHECK(found[0].command->input_open());
    const std::string typed = "typed";
    co_await found[0].command->write_input(std::as_bytes(std::span(typed)));
    char into[5];
    CHECK(::read(in.reading.value(), into, sizeof into) == 5);
    CHECK((co_await found[1].command->read()).is_end());
    CHECK((co_await found[1].command->end()).exit_code == 4);
    found.clear();
  };
  behind_a_door(body);
}

TEST_CASE("what is kept for a command and is not what it says costs the space its door") {
  const auto body = [](door_world& w) -> task<> {
    int found = 0;
    w.door.on_found([&](const space_ptr&, const found_command&) { ++found; });
    const auto s = co_await w.make();
    test::scripted_init init(w.loop.get_executor(), w.folder_of(s));
    init.say("hello", "1", "life1");
    door::descriptors kept;
    kept.emplace_back(::open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    init.say_raw(door::to_frame({"command", "c1", "running", "7", "fds=o"}), kept);
    init.say("ready");
    CHECK((co_await init.hear()).text() == "welcome 1");
    CHECK((co_await init.hear()).words.empty());
    CHECK(found == 0);
  };
  behind_a_door(body);
}

TEST_CASE("the door of a space that is destroyed goes with it") {
  const auto body = [](door_world& w) -> task<> {
    const auto s = co_await w.make();
    auto init = co_await w.enter(s);
    auto begun = co_await w.run(s, init, {.id = "c1", .argv = {"x"}});
    process_end end;
    const auto both = [&](nursery& side) -> task<> {
      side.start(wait_for_end(*begun.command, end));
      co_await w.operations.destroy(s);
      CHECK((co_await init.hear()).words.empty());
    };
    co_await with_nursery(both);
    CHECK_FALSE(end.is_known());
    CHECK_FALSE(w.all.find(*s));
    CHECK(std::filesystem::is_empty(w.state.root() / "spaces"));
  };
  behind_a_door(body);
}

TEST_CASE("a thawed space without a door does not make its commands wait again") {
  const auto body = [](door_world& w) -> task<> {
    other_way engine;
    chosen_backend chosen(w.all, w.door, engine);
    const auto s = co_await w.make();
    co_await w.until([&] { return !w.all.may_open(*s); });
    co_await w.operations.stop(s, sleep_depth::paused);
    asio::steady_timer pause(w.loop, 20ms);
    co_await pause.async_wait(asio::use_awaitable);
    const auto awake = co_await w.operations.wake(s);
    const auto from = std::chrono::steady_clock::now();
    co_await chosen.start(s, {.id = "c1", .argv = {"x"}});
    CHECK(std::chrono::steady_clock::now() - from < 1s);
    CHECK(engine.asked == 1);
  };
  behind_a_door(body);
}
