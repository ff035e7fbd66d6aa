#include "world.hpp"
#include <clawdspace/space/labels.hpp>

#include <doctest/doctest.h>

#include <stdexcept>

// What the real Engine does not do on demand: answers that are lost, refused, late or untrue. The times of
// spaces are moved by hand.

using namespace clawdspace;
using namespace clawdspace::spaces;
using namespace clawdspace::test;
using namespace std::chrono_literals;

// --- create ---

TEST_CASE("a space that is made runs, and is told as created") {
  const auto body = [](world& w) -> task<> {
    const auto s = co_await w.make("a");
    CHECK(s->state == space_state::running);
    CHECK(s->self.image_user == "node");
    CHECK(w.container_of(s).name == "clawdspace-a");
    CHECK(w.container_of(s).state == "running");
    CHECK(w.has_folders());
    const auto again = co_await refusal(w.make("a"));
    REQUIRE(again);
    CHECK(again->code() == errc::name_taken);
    co_await w.operations.destroy(s);
    CHECK(w.docker_engine.containers.empty());
    CHECK_FALSE(w.has_folders());
    const auto gone = co_await refusal(w.operations.destroy(s));
    REQUIRE(gone);
    CHECK(gone->code() == errc::space_not_found);
  };
  in_world(body);
}

TEST_CASE("a create whose answer is lost leaves nothing behind") {
  const auto body = [](world& w) -> task<> {
    w.docker_engine.script("create", {.status = 0, .take_effect = true, .cut = true});
    const auto e = co_await refusal(w.make("a"));
    REQUIRE(e);
    CHECK(e->code() == errc::engine_unavailable);
    CHECK(w.docker_engine.calls("remove") == 1);
    CHECK(w.docker_engine.containers.empty());
    CHECK(w.known.all().empty());
    CHECK_FALSE(w.has_folders());
    CHECK(w.events.oldest() == w.events.now()); // nobody has heard of it
    const auto s = co_await w.make("a");
    CHECK(s->state == space_state::running);
  };
  in_world(body);
}

TEST_CASE("a start that fails removes the container and frees the name") {
  const auto body = [](world& w) -> task<> {
    w.docker_engine.script("start", {.status = 500, .words = "no cgroup"});
    const auto e = co_await refusal(w.make("a"));
    REQUIRE(e);
    CHECK(e->code() == errc::engine_failed);
    CHECK(std::string_view(e->what()).find("no cgroup") != std::string_view::npos);
    CHECK(w.docker_engine.containers.empty());
    CHECK_FALSE(w.has_folders());
    co_await w.make("a");
  };
  in_world(body);
}

TEST_CASE("an Engine with a lower limit of open files gives its own") {
  const auto body = [](world& w) -> task<> {
    w.docker_engine.script("start", {.status = 500, .words = "error setting rlimit type 7: not permitted"});
    const auto s = co_await w.make("a");
    CHECK(s->state == space_state::running);
    CHECK(w.docker_engine.calls("create") == 2);
    CHECK(w.docker_engine.containers.size() == 1);
    co_await w.make("b");
    CHECK(w.docker_engine.calls("create") == 3); // learned once
  };
  in_world(body);
}

TEST_CASE("what the Engine refuses at create is told as what it is") {
  const auto body = [](world& w) -> task<> {
    struct row {
      const char* verb;
      int status;
      const char* words;
      errc expected;
    };
    for (const auto& [verb, status, words, expected] :
         {row{"image", 404, "No such image: x", errc::image_not_found},
          row{"image", 400, "invalid reference format", errc::invalid_field},
          row{"image", 500, "disk on fire", errc::engine_failed},
          row{"create", 409, "Conflict. The container name is in use", errc::name_taken},
          row{"create", 400, "bad parameter", errc::invalid_field},
          row{"create", 500, "disk on fire", errc::engine_failed},
          row{"start", 404, "network nowhere not found", errc::invalid_field}}) {
      CAPTURE(verb);
      CAPTURE(status);
      w.docker_engine.script(verb, {.status = status, .words = words});
      const auto e = co_await refusal(w.make("a"));
      REQUIRE(e);
      CHECK(e->code() == expected);
      CHECK(w.docker_engine.containers.empty());
      CHECK(w.known.all().empty());
      CHECK_FALSE(w.has_folders());
    }
  };
  in_world(body);
}

TEST_CASE("a create that nobody waits for any more is carried to its end") {
  const auto body = [](world& w) -> task<> {
    w.docker_engine.script("create", {.status = 0, .hang = true});
    bool left = false;
    try {
      co_await with_deadline(30ms, w.make("a"));
    } catch (const std::system_error& e) {
      left = is_timeout(e);
    }
    CHECK(left);
    const auto s = w.known.find("a");
    REQUIRE(s);
    CHECK(s->state == space_state::creating);
    w.docker_engine.release();
    const auto runs = [&] { return s->state == space_state::running; };
    co_await w.until(runs);
    CHECK(w.docker_engine.containers.size() == 1);
  };
  in_world(body);
}

TEST_CASE("a space that is destroyed while it is made is gone when both have ended") {
  const auto body = [](world& w) -> task<> {
    w.docker_engine.script("create", {.status = 0, .hang = true});
    std::optional<error> made;
    const auto create = [&]() -> task<> { made = co_await refusal(w.make("a")); };
    const auto both = [&](nursery& beside) -> task<> {
      beside.start(create());
      const auto begun = [&] { return w.docker_engine.calls("create") == 1; };
      co_await w.until(begun);
      const auto destroy = [&]() -> task<> {
        const auto s = w.known.find("a");
        const auto e = co_await refusal(w.operations.destroy(s));
        CHECK_FALSE(e);
        CHECK(s->gone);
      };
      beside.start(destroy());
      const auto marked = [&] { return w.known.find("a")->state == space_state::destroying; };
      co_await w.until(marked);
      w.docker_engine.release();
      co_await beside.join();
    };
    co_await with_nursery(both);
    REQUIRE(made);
    CHECK(made->code() == errc::conflict);
    CHECK(w.docker_engine.containers.empty());
    CHECK(w.known.all().empty());
  };
  in_world(body);
}

// --- wake ---

TEST_CASE("a hundred that wake a space at once cost one call") {
  const auto body = [](world& w) -> task<> {
    const auto s = co_await w.make("a");
    co_await w.operations.stop(s, sleep_depth::paused);
    int awake = 0;
    const auto wake = [&]() -> task<> {
      const auto held = co_await w.operations.wake(s);
      CHECK(s->state == space_state::running);
      ++awake;
    };
    const auto all = [&](nursery& beside) -> task<> {
      for (int i = 0; i < 100; ++i) beside.start(wake());
      co_return;
    };
    co_await with_nursery(all);
    CHECK(awake == 100);
    CHECK(w.docker_engine.calls("unpause") == 1);
    CHECK(s->leases == 0);
    const auto held = co_await w.operations.wake(s); // runs already: the Engine is not asked
    CHECK(w.docker_engine.calls("unpause") == 1);
    CHECK(s->leases == 1);
  };
  in_world(body);
}

TEST_CASE("an Engine that takes a frozen space for running is asked once more") {
  const auto body = [](world& w) -> task<> {
    const auto s = co_await w.make("a");
    co_await w.operations.stop(s, sleep_depth::paused);
    w.docker_engine.script("unpause", {.status = 409, .words = "Container clawdspace-a is not paused"});
    const auto held = co_await w.operations.wake(s);
    CHECK(w.docker_engine.calls("unpause") == 2);
    CHECK(s->state == space_state::running);
    CHECK(w.container_of(s).state == "running");
  };
  in_world(body);
}

TEST_CASE("a frozen space that ended behind our back is started instead") {
  const auto body = [](world& w) -> task<> {
    const auto s = co_await w.make("a");
    co_await w.operations.stop(s, sleep_depth::paused);
    w.container_of(s).state = "exited";
    const auto held = co_await w.operations.wake(s);
    CHECK(w.docker_engine.calls("start") == 2);
    CHECK(s->state == space_state::running);
    CHECK(w.container_of(s).state == "running");
  };
  in_world(body);
}

TEST_CASE("a wake that fails gives its lease back") {
  const auto body = [](world& w) -> task<> {
    const auto s = co_await w.make("a");
    co_await w.operations.stop(s, sleep_depth::paused);
    w.docker_engine.script("unpause", {.status = 500, .words = "no"});
    CHECK(co_await refusal(w.operations.wake(s)));
    CHECK(s->leases == 0);
    CHECK(s->state == space_state::paused);
    const auto held = co_await w.operations.wake(s);
    CHECK(s->state == space_state::running);
  };
  in_world(body);
}

// --- sleep ---

TEST_CASE("a space falls asleep exactly when its time has come, and not while it is used") {
  const auto body = [](world& w) -> task<> {
    w.rules.idle_timeout = 10min;
    const auto s = co_await w.make("a");
    w.time.advance(10min - 1ms);
    co_await w.look();
    CHECK(w.docker_engine.calls("pause") == 0);
    {
      const auto held = co_await w.operations.wake(s);
      w.time.advance(1h);
      co_await w.look();
      CHECK(w.docker_engine.calls("pause") == 0);
    }
    w.time.advance(10min - 1ms); // from the end of its use on
    co_await w.look();
    CHECK(w.docker_engine.calls("pause") == 0);
    w.time.advance(1ms);
    const auto asleep = [&] { return s->state == space_state::paused; };
    co_await w.until(asleep);
    co_await w.look();
    CHECK(w.docker_engine.calls("pause") == 1);
    CHECK(w.docker_engine.calls("stats") == 0);
  };
  in_world(body);
}

TEST_CASE("a pause that fails is tried again later, not at once") {
  const auto body = [](world& w) -> task<> {
    const auto s = co_await w.make("a");
    w.docker_engine.script("pause", {.status = 500, .words = "freezer is stuck"});
    w.time.advance(w.rules.idle_timeout);
    const auto tried = [&] { return w.docker_engine.calls("pause") == 1; };
    co_await w.until(tried);
    for (int i = 0; i < 3; ++i) co_await w.look();
    CHECK(w.docker_engine.calls("pause") == 1);
    w.time.advance(9s);
    co_await w.look();
    CHECK(w.docker_engine.calls("pause") == 1);
    w.time.advance(1s);
    const auto asleep = [&] { return s->state == space_state::paused; };
    co_await w.until(asleep);
    CHECK(w.docker_engine.calls("pause") == 2);
  };
  in_world(body);
}

TEST_CASE("a space that computes stays awake, and sleeps when it computes no more") {
  const auto body = [](world& w) -> task<> {
    w.rules.busy_percent = 5;
    const auto s = co_await w.make("a");
    w.time.advance(14min);
    const auto sampled = [&](int times) {
      return [&w, times] { return w.docker_engine.calls("stats") == times; };
    };
    co_await w.until(sampled(1));
    w.container_of(s).cpu_ns = 30'000'000'000; // half a core over the minute
    co_await w.look();
    w.time.advance(1min);
    co_await w.until(sampled(2));
    co_await w.look();
    CHECK(w.docker_engine.calls("pause") == 0);
    w.time.advance(1min);
    const auto asleep = [&] { return s->state == space_state::paused; };
    co_await w.until(asleep);
    CHECK(w.docker_engine.calls("stats") == 3);
  };
  in_world(body);
}

TEST_CASE("a frozen space is stopped when it has slept long enough") {
  const auto body = [](world& w) -> task<> {
    w.rules.stop_after = 1h;
    const auto s = co_await w.make("a");
    w.time.advance(w.rules.idle_timeout);
    const auto frozen = [&] { return s->state == space_state::paused; };
    co_await w.until(frozen);
    w.time.advance(1h - 1ms);
    co_await w.look();
    CHECK(s->state == space_state::paused);
    w.time.advance(1ms);
    const auto stopped = [&] { return s->state == space_state::stopped; };
    co_await w.until(stopped);
    CHECK(w.container_of(s).state == "exited");
    w.time.advance(24h);
    co_await w.look();
    CHECK(s->state == space_state::stopped);
  };
  in_world(body);
}

TEST_CASE("a space whose time to live is over is destroyed, also while it is used") {
  const auto body = [](world& w) -> task<> {
    create_request wanted{.name = "a"};
    wanted.settings.time_to_live = 1h;
    const auto s = co_await w.operations.create(std::move(wanted));
    const auto held = co_await w.operations.wake(s);
    w.time.advance(1h - 1ms);
    co_await w.look();
    CHECK_FALSE(s->gone);
    w.docker_engine.script("remove", {.status = 500, .words = "device busy"});
    w.time.advance(1ms);
    const auto tried = [&] {
      return w.docker_engine.calls("remove") == 1 && s->state == space_state::running;
    };
    co_await w.until(tried); // it failed: as before, and once more in a while
    co_await w.look();
    CHECK(w.docker_engine.calls("remove") == 1);
    w.time.advance(10s);
    const auto gone = [&] { return s->gone; };
    co_await w.until(gone);
    CHECK(w.docker_engine.containers.empty());
  };
  in_world(body);
}

// --- destroy ---

TEST_CASE("a removal that is in progress already is waited for") {
  const auto body = [](world& w) -> task<> {
    const auto s = co_await w.make("a");
    w.docker_engine.script(
        "remove",
        {.status = 409, .words = "removal of container x is already in progress", .take_effect = true});
    co_await w.operations.destroy(s);
    CHECK(s->gone);
    CHECK(w.docker_engine.calls("remove") == 1);
  };
  in_world(body);
}

TEST_CASE("all who destroy a space at once succeed with one call") {
  const auto body = [](world& w) -> task<> {
    const auto s = co_await w.make("a");
    int done = 0;
    const auto destroy = [&]() -> task<> {
      co_await w.operations.destroy(s);
      ++done;
    };
    const auto all = [&](nursery& beside) -> task<> {
      for (int i = 0; i < 10; ++i) beside.start(destroy());
      co_return;
    };
    co_await with_nursery(all);
    CHECK(done == 10);
    CHECK(w.docker_engine.calls("remove") == 1);
  };
  in_world(body);
}

TEST_CASE("a start that hangs does not make a space indestructible") {
  const auto body = [](world& w) -> task<> {
    const auto s = co_await w.make("a");
    co_await w.operations.stop(s, sleep_depth::stopped);
    w.docker_engine.script("start", {.status = 0, .hang = true});
    std::optional<error> woken;
    const auto wake = [&]() -> task<> { woken = co_await refusal(w.operations.wake(s)); };
    const auto both = [&](nursery& beside) -> task<> {
      beside.start(wake());
      const auto begun = [&] { return w.docker_engine.calls("start") == 2; };
      co_await w.until(begun);
      co_await w.operations.destroy(s); // after its patience of ten seconds
      CHECK(s->gone);
      CHECK(w.docker_engine.containers.empty());
      w.docker_engine.release();
    };
    co_await with_nursery(both);
    CHECK(woken);
    CHECK(s->gone);
    CHECK(w.known.all().empty());
  };
  in_world(body, 40s);
}

// --- the Engine's news ---

TEST_CASE("what happens behind our back is seen from the stream of events") {
  const auto body = [](world& w) -> task<> {
    const auto s = co_await w.make("a");
    w.container_of(s).state = "exited";
    w.docker_engine.emit("die", s->container, w.now_ns());
    const auto stopped = [&] { return s->state == space_state::stopped; };
    co_await w.until(stopped);
    const auto id = s->container;
    w.docker_engine.containers.clear();
    w.docker_engine.emit("destroy", id, w.now_ns());
    const auto gone = [&] { return s->gone; };
    co_await w.until(gone);
    CHECK_FALSE(w.has_folders());
  };
  in_world(body);
}

TEST_CASE("a container that somebody else removes is seen to its end") {
  const auto body = [](world& w) -> task<> {
    const auto s = co_await w.make("a");
    w.container_of(s).state = "removing";
    w.docker_engine.emit("die", s->container, w.now_ns());
    const auto leaving = [&] { return s->state == space_state::destroying; };
    co_await w.until(leaving);
    const auto id = s->container;
    w.docker_engine.containers.clear();
    w.docker_engine.emit("destroy", id, w.now_ns());
    const auto gone = [&] { return s->gone; };
    co_await w.until(gone);
    CHECK(w.known.all().empty());
  };
  in_world(body);
}

TEST_CASE("after a break the list is read again, and the events since shortly before it") {
  const auto body = [](world& w) -> task<> {
    const auto a = co_await w.make("a");
    const auto b = co_await w.make("b");
    w.docker_engine.emit("exec_die", a->container, w.now_ns());
    asio::steady_timer turn(w.loop.get_executor());
    w.container_of(b).state = "paused";
    w.docker_engine.emit("pause", b->container, w.now_ns());
    const auto frozen = [&] { return b->state == space_state::paused; };
    co_await w.until(frozen);
    w.docker_engine.containers.erase(a->container);
    w.container_of(b).state = "exited";
    w.docker_engine.cut_events();
    const auto dropped = [&] { return a->gone && b->state == space_state::stopped; };
    co_await w.until(dropped);
    const auto up = [&] { return w.follower.engine_status().up; };
    co_await w.until(up);
    REQUIRE(w.docker_engine.event_queries.size() == 2);
    // 2026-01-31T08:00:00Z, less five seconds
    CHECK(w.docker_engine.event_queries[1].find("since=1769846395.000000000") != std::string::npos);
  };
  in_world(body);
}

TEST_CASE("a container of ours that was not known is taken in, and one that was never finished is removed") {
  const auto body = [](world& w) -> task<> {
    space seen(w.loop.get_executor(), identity{.id = "abc", .name = "found", .network = "bridge"});
    const auto add = [&](const std::string& name, const std::string& state_word) {
      seen.self.name = name;
      seen.self.id = "abc" + std::to_string(w.docker_engine.containers.size());
      test::fake_engine::container one{.name = "clawdspace-" + name, .state = state_word};
      for (const auto& [key, value] : to_labels(seen, w.rules.instance)) one.labels[key] = value;
      w.docker_engine.containers["id-" + name] = one;
    };
    add("runs", "running");
    add("sleeps", "paused");
    add("half", "created");
    w.docker_engine.containers["stranger"] = {
        .name = "stranger", .state = "running", .labels = {{"clawdspace.instance", w.rules.instance}}};
    w.docker_engine.cut_events();
    const auto taken = [&] {
      return w.known.find("runs") && w.known.find("sleeps") && !w.known.find("half");
    };
    co_await w.until(taken);
    const auto removed = [&] { return !w.docker_engine.containers.contains("id-half"); };
    co_await w.until(removed);
    CHECK(w.known.find("runs")->state == space_state::running);
    CHECK(w.known.find("sleeps")->state == space_state::paused);
    CHECK(w.docker_engine.containers.contains("stranger")); // it only looks like ours
    CHECK(w.known.all().size() == 2);
  };
  in_world(body);
}

// --- change ---

TEST_CASE("a change is kept, and one that the kernel refuses changes nothing") {
  const auto body = [](world& w) -> task<> {
    const auto s = co_await w.make("a");
    w.docker_engine.script("update", {.status = 500, .words = "device or resource busy"});
    const auto e = co_await refusal(w.operations.change(s, {.memory = 64_MiB, .idle_timeout = 1s}));
    REQUIRE(e);
    CHECK(e->code() == errc::conflict);
    CHECK(s->limits.memory == 2_GiB);
    CHECK_FALSE(s->settings.idle_timeout);
    co_await w.operations.change(s, {.memory = 64_MiB, .idle_timeout = 1s});
    CHECK(s->limits.memory == 64_MiB);
    const auto too_much = co_await refusal(w.operations.change(s, {.memory = 9_GiB}));
    REQUIRE(too_much);
    CHECK(too_much->code() == errc::invalid_field);
    space read(w.loop.get_executor(), s->self);
    w.state.read_settings(read);
    CHECK(read.limits.memory == 64_MiB);
    CHECK(read.settings.idle_timeout == 1s);
    // The new time counts at once.
    w.time.advance(1s);
    const auto asleep = [&] { return s->state == space_state::paused; };
    co_await w.until(asleep);
  };
  in_world(body);
}
