#include "moved_clock.hpp"
#include <clawdspace/core/nursery.hpp>
#include <clawdspace/space/registry.hpp>

#include <doctest/doctest.h>

#include <support/refusal.hpp>
#include <support/run_coroutine.hpp>
#include <vector>

using namespace clawdspace;
using namespace clawdspace::spaces;
using namespace std::chrono_literals;

namespace {

struct known_spaces {
  asio::io_context loop{1};
  test::moved_clock time{loop.get_executor()};
  event_hub events{loop.get_executor()};
  registry known{loop.get_executor(), time, events};

  space_ptr add(const std::string& name) { return known.add({.id = "id-" + name, .name = name}); }

  /// The types of what has been told, in order.
  [[nodiscard]] std::vector<std::string> told() const {
    std::vector<std::string> types;
    for (auto place = events.oldest(); const auto* entry = events.at(place); ++place)
      types.push_back(entry->type);
    return types;
  }
};

using words = std::vector<std::string>;

} // namespace

TEST_CASE("a space is found by its name and its container until it is removed") {
  known_spaces t;
  const auto s = t.add("a");
  CHECK(t.known.find("a") == s);
  CHECK(t.known.at("a") == s);
  CHECK(t.known.find("b") == nullptr);
  t.known.set_container(s, "c1");
  t.known.set_container(s, "c2");
  CHECK(t.known.find_container("c1") == nullptr);
  CHECK(t.known.find_container("c2") == s);
  const auto taken = test::refusal([&] { t.add("a"); });
  REQUIRE(taken);
  CHECK(taken->code() == errc::name_taken);
  t.known.remove(s);
  CHECK(s->gone);
  CHECK(t.known.find("a") == nullptr);
  CHECK(t.known.find_container("c2") == nullptr);
  CHECK(t.add("a") != s);
  t.known.remove(s); // twice is once: the new one stays
  CHECK(t.known.find("a") != nullptr);
  // A create that was answered only after its space had gone is not found again.
  t.known.set_container(s, "c3");
  CHECK(t.known.find_container("c3") == nullptr);
}

TEST_CASE("before the Engine's list was read nobody can say that a space is not there") {
  known_spaces t;
  CHECK(test::refusal([&] { (void)t.known.at("a"); })->code() == errc::engine_unavailable);
  t.known.set_filled();
  CHECK(test::refusal([&] { (void)t.known.at("a"); })->code() == errc::space_not_found);
}

TEST_CASE("each change is told once, in the order of a life") {
  known_spaces t;
  const auto s = t.add("a");
  CHECK(t.told().empty()); // it is not there for others yet
  t.known.set_changed(s);
  CHECK(t.told().empty());
  t.known.set_state(s, space_state::running);
  t.known.set_state(s, space_state::running);
  t.known.set_state(s, space_state::paused);
  t.known.set_changed(s);
  t.known.set_state(s, space_state::destroying);
  t.known.remove(s);
  t.known.remove(s);
  t.known.set_state(s, space_state::running);
  CHECK(t.told() == words{"space.created", "space.running", "space.paused", "space.changed",
                          "space.destroying", "space.destroyed"});
  CHECK(t.events.at(t.events.now() - 1)->data ==
        R"({"time":"2026-01-31T08:00:00.000Z","id":"id-a","name":"a","state":"destroyed"})");
}

TEST_CASE("a space that could not be made was never there") {
  known_spaces t;
  t.known.remove(t.add("a"));
  CHECK(t.told().empty());
}

TEST_CASE("a change of state has its time, and what the processor did before counts no more") {
  known_spaces t;
  const auto s = t.add("a");
  s->cpu = space::cpu_sample{t.time.now(), 5};
  t.time.advance(1min);
  t.known.set_state(s, space_state::running);
  CHECK(s->state_since == t.time.now());
  CHECK_FALSE(s->cpu);
}

TEST_CASE("spaces are counted by their state") {
  known_spaces t;
  t.add("a");
  t.known.set_state(t.add("b"), space_state::running);
  t.known.set_state(t.add("c"), space_state::running);
  t.known.set_state(t.add("d"), space_state::stopped);
  t.known.remove(t.add("e"));
  CHECK(t.known.count_by_state() == std::array<std::size_t, 5>{1, 2, 0, 1, 0});
}

TEST_CASE("a lease counts while it lives, and its end is a use") {
  known_spaces t;
  const auto s = t.add("a");
  auto seen = t.known.changed().value();
  {
    auto first = t.known.take_lease(s);
    CHECK(t.known.changed().value() != seen);
    auto second = t.known.take_lease(s);
    CHECK(s->leases == 2);
    lease moved = std::move(first);
    CHECK(s->leases == 2);
    CHECK(moved.of() == s);
    moved = std::move(second); // gives the one that it had back
    CHECK(s->leases == 1);
    t.time.advance(5min);
    seen = t.known.changed().value();
  }
  CHECK(s->leases == 0);
  CHECK(s->last_used == t.time.now());
  CHECK(t.known.changed().value() != seen);
}

// --- events ---

TEST_CASE("a follower reads what was published from its place on") {
  asio::io_context loop{1};
  event_hub hub(loop.get_executor(), 3);
  const auto place = hub.now();
  CHECK(hub.at(place) == nullptr);
  hub.publish("x", "1");
  hub.publish("y", "2");
  REQUIRE(hub.at(place) != nullptr);
  CHECK(hub.at(place)->data == "1");
  CHECK(hub.at(place + 1)->type == "y");
  CHECK(hub.at(place + 2) == nullptr);
  CHECK(hub.at(hub.now()) == nullptr);
}

TEST_CASE("one that fell behind sees by the sequence what it missed") {
  asio::io_context loop{1};
  event_hub hub(loop.get_executor(), 3);
  const auto place = hub.now();
  for (int i = 0; i < 5; ++i) hub.publish("x", std::to_string(i));
  CHECK(hub.oldest() == place + 2);
  REQUIRE(hub.at(place) != nullptr);
  CHECK(hub.at(place)->sequence == place + 2);
  CHECK(hub.at(place)->data == "2");
}

TEST_CASE("an id leads back to the place after it, in the same life only") {
  asio::io_context loop{1};
  event_hub hub(loop.get_executor());
  event_hub other(loop.get_executor());
  hub.publish("x", "1");
  other.publish("x", "1");
  const auto id = hub.to_id(1);
  CHECK(hub.place_after(id) == 2);
  CHECK(hub.place_after(hub.to_id(0)) == 1);
  CHECK_FALSE(hub.place_after(other.to_id(1)));
  CHECK_FALSE(hub.place_after(hub.to_id(2))); // not told yet
  const auto life = id.substr(0, id.find('-'));
  for (const auto& bad : {std::string(), life, life + "-", life + "-x", life + "-1x", life + "--1", "x" + id,
                          life + "-18446744073709551615", life + "-18446744073709551616", std::string("1")}) {
    CAPTURE(bad);
    CHECK_FALSE(hub.place_after(bad));
  }
}

TEST_CASE("who waits for an event is woken by the one at its place") {
  const auto body = [](asio::io_context& loop) -> task<> {
    event_hub hub(loop.get_executor());
    hub.publish("x", "1");
    co_await hub.wait_for(1); // there already
    int woken = 0;
    const auto wait = [&](std::uint64_t place) -> task<> {
      co_await hub.wait_for(place);
      ++woken;
    };
    const auto both = [&](nursery& waiting) -> task<> {
      waiting.start(wait(2));
      waiting.start(wait(3));
      asio::steady_timer turn(loop.get_executor(), 0ms);
      co_await turn.async_wait(asio::use_awaitable);
      CHECK(woken == 0);
      hub.publish("x", "2");
      while (woken == 0) {
        turn.expires_after(1ms);
        co_await turn.async_wait(asio::use_awaitable);
      }
      CHECK(woken == 1);
      hub.publish("x", "3");
    };
    co_await with_nursery(both);
    CHECK(woken == 2);
  };
  test::run_coroutine(body);
}
