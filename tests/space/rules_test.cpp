#include <clawdspace/space/outcome.hpp>
#include <clawdspace/space/sleep_rules.hpp>

#include <asio/io_context.hpp>
#include <doctest/doctest.h>

#include <csignal>
#include <set>
#include <support/refusal.hpp>

using namespace clawdspace;
using namespace clawdspace::spaces;
using namespace std::chrono_literals;

TEST_CASE("a name is what can stand in a host name") {
  for (const auto& name : {std::string("a"), std::string("0"), std::string("a-b"), std::string("a--b"),
                           std::string("9-lives"), std::string(56, 'x')}) {
    CAPTURE(name);
    CHECK_FALSE(test::refusal([&] { check_name(name); }));
  }
  for (const auto& name :
       {std::string(), std::string("-"), std::string("-a"), std::string("a-"), std::string("a.b"),
        std::string("a b"), std::string("a/b"), std::string(".."), std::string("a\0b", 3), std::string("a\n"),
        std::string("\xc3\xa4"), std::string("A"), std::string("a_b"), std::string(57, 'x')}) {
    CAPTURE(name);
    const auto e = test::refusal([&] { check_name(name); });
    REQUIRE(e);
    CHECK(e->code() == errc::invalid_name);
  }
}

TEST_CASE("a name that only case or underscores spoil is told with the one that would do") {
  CHECK(test::words_of_refusal([] { check_name("My_Space"); }).find("\"my-space\" would do") !=
        std::string::npos);
  CHECK(test::words_of_refusal([] { check_name("_x"); }).find("would do") == std::string::npos);
  CHECK(test::words_of_refusal([] { check_name(std::string(57, 'X')); }).find("57 characters") !=
        std::string::npos);
}

TEST_CASE("words of states, profiles and outcomes are all different") {
  std::set<std::string_view> states;
  for (int i = 0; i < 5; ++i) states.insert(to_string(static_cast<space_state>(i)));
  CHECK(states.size() == 5);
  for (const auto p : {profile::standard, profile::strict}) CHECK(profile_from(to_string(p)) == p);
  CHECK_FALSE(profile_from("Strict"));
  CHECK_FALSE(profile_from(""));
  std::set<std::string_view> outcomes;
  for (int i = 0; i <= static_cast<int>(outcome::failed_to_start); ++i)
    outcomes.insert(to_string(static_cast<outcome>(i)));
  CHECK(outcomes.size() == 7);
}

// --- when a space sleeps ---

namespace {

const time_point start = from_rfc3339("2026-01-31T08:00:00Z");

struct sleeping {
  asio::io_context loop{1};
  policy rules;
  space s{loop.get_executor(), identity{.id = "1", .name = "a", .created = start}};
  sleeping() {
    rules.busy_percent = 0;
    s.state = space_state::running;
    s.state_since = s.last_used = start;
  }
  [[nodiscard]] std::optional<due> next() const { return next_due(s, rules); }
};

} // namespace

TEST_CASE("a space that runs is due to freeze its idle time after its last use") {
  sleeping t;
  REQUIRE(t.next());
  CHECK(t.next()->what == due::action::freeze);
  CHECK(t.next()->when == start + 15min);
  CHECK(sleeps_at(t.s, t.rules) == start + 15min);
  t.s.last_used = start + 1min;
  CHECK(t.next()->when == start + 16min);
  t.s.settings.idle_timeout = 1s;
  CHECK(t.next()->when == start + 1min + 1s);
  t.s.settings.idle_timeout = 0s; // never, whatever the configuration says
  CHECK_FALSE(t.next());
  CHECK_FALSE(sleeps_at(t.s, t.rules));
  t.s.settings.idle_timeout.reset();
  t.rules.idle_timeout = 0ms;
  CHECK_FALSE(t.next());
}

TEST_CASE("a lease keeps a space from sleeping, frozen or stopped, but not from its end") {
  sleeping t;
  t.s.leases = 1;
  CHECK_FALSE(t.next());
  t.rules.stop_after = 1min;
  t.s.state = space_state::paused;
  CHECK_FALSE(t.next());
  t.s.settings.time_to_live = 1h;
  REQUIRE(t.next());
  CHECK(t.next()->what == due::action::destroy);
  CHECK(t.next()->when == start + 1h);
}

TEST_CASE("a frozen space is due to stop where the configuration says so") {
  sleeping t;
  t.s.state = space_state::paused;
  CHECK_FALSE(t.next());
  t.rules.stop_after = 1h;
  t.s.state_since = start + 5min;
  REQUIRE(t.next());
  CHECK(t.next()->what == due::action::halt);
  CHECK(t.next()->when == start + 1h + 5min);
  t.s.state = space_state::stopped;
  CHECK_FALSE(t.next());
}

TEST_CASE("a space's end comes in every state but while it is made, destroyed or gone") {
  sleeping t;
  t.rules.time_to_live = 1h;
  t.rules.idle_timeout = 0ms;
  for (const auto state : {space_state::running, space_state::paused, space_state::stopped}) {
    t.s.state = state;
    REQUIRE(t.next());
    CHECK(t.next()->what == due::action::destroy);
  }
  t.s.settings.time_to_live = 0ms; // none, whatever the configuration says
  CHECK_FALSE(t.next());
  CHECK_FALSE(expires_at(t.s, t.rules));
  t.s.settings.time_to_live = 2h;
  CHECK(t.next()->when == start + 2h);
  for (const auto state : {space_state::creating, space_state::destroying}) {
    t.s.state = state;
    CHECK_FALSE(t.next());
  }
  t.s.state = space_state::running;
  t.s.gone = true;
  CHECK_FALSE(t.next());
}

TEST_CASE("of two things that are due the earlier comes first") {
  sleeping t;
  t.rules.time_to_live = 14min;
  CHECK(t.next()->what == due::action::destroy);
  t.rules.time_to_live = 16min;
  CHECK(t.next()->what == due::action::freeze);
}

TEST_CASE("where processor time counts, there is a look before the time and one at it") {
  sleeping t;
  t.rules.busy_percent = 5;
  CHECK(busy_window(t.s, t.rules) == 1min);
  REQUIRE(t.next());
  CHECK(t.next()->what == due::action::sample);
  CHECK(t.next()->when == start + 14min);
  t.s.cpu = space::cpu_sample{start + 14min, 0};
  CHECK(t.next()->what == due::action::freeze);
  CHECK(t.next()->when == start + 15min);
  // It computed: the second look is the first of the next window.
  t.s.cpu = space::cpu_sample{start + 15min, 0};
  CHECK(t.next()->what == due::action::freeze);
  CHECK(t.next()->when == start + 16min);
  // It was used since: what was seen before is too old.
  t.s.last_used = start + 20min;
  CHECK(t.next()->what == due::action::sample);
  CHECK(t.next()->when == start + 34min);
  t.s.settings.idle_timeout = 10s;
  CHECK(busy_window(t.s, t.rules) == 5s);
}

TEST_CASE("a space computes where it used more of a core than the configuration calls idle") {
  policy rules;
  rules.busy_percent = 5;
  const space::cpu_sample before{start, 1'000'000'000};
  const auto after = [&](milliseconds later, std::uint64_t used) {
    return space::cpu_sample{start + later, before.total_ns + used};
  };
  CHECK_FALSE(is_busy(before, after(1min, 0), rules));
  CHECK_FALSE(is_busy(before, after(1min, 3'000'000'000), rules)); // 5% exactly
  CHECK(is_busy(before, after(1min, 3'000'000'001), rules));
  CHECK(is_busy(before, after(1s, 4'000'000'000), rules));
  CHECK(is_busy(before, after(0s, 0), rules));                           // no time to judge by: not idle yet
  CHECK(is_busy(before, after(-1s, 0), rules));                          // a clock that was set back
  CHECK_FALSE(is_busy(before, space::cpu_sample{start + 1s, 0}, rules)); // started anew since
  rules.busy_percent = 0;
  CHECK_FALSE(is_busy(before, after(1s, 4'000'000'000), rules));
}

// --- how a command ended ---

TEST_CASE("each end is judged to be exactly one outcome") {
  using enum outcome;
  struct row {
    const char* what;
    process_end end;
    end_cause cause;
    bool space_left;
    outcome expected;
  };
  const auto none = end_cause::none;
  const auto late = end_cause::timed_out;
  const auto left = end_cause::canceled;
  const row rows[] = {
      {"exits", {.exit_code = 0}, none, false, exited},
      {"exits as its space goes", {.exit_code = 3}, none, true, exited},
      {"signal", {.signal = SIGSEGV}, none, false, signaled},
      {"killed with its space", {.signal = SIGKILL}, none, true, canceled},
      {"killed for memory", {.signal = SIGKILL, .oom_kills = 1}, none, false, out_of_memory},
      {"killed, no memory kills", {.signal = SIGKILL, .oom_kills = 0}, none, false, signaled},
      {"killed, nobody counted", {.signal = SIGKILL}, none, false, signaled},
      {"another signal beside a memory kill", {.signal = SIGTERM, .oom_kills = 1}, none, false, signaled},
      {"exits although a child was killed for memory", {.exit_code = 1, .oom_kills = 1}, none, false, exited},
      {"never ran", {.failure_code = "program_not_found"}, none, false, failed_to_start},
      {"never ran, and was late", {.failure_code = "not_executable"}, late, false, failed_to_start},
      {"nothing is known", {}, none, false, lost},
      {"nothing is known, its space left", {}, none, true, canceled},
      {"late", {.signal = SIGKILL, .tree_gone = true}, late, false, timed_out},
      {"late, and nothing came back", {}, late, false, timed_out},
      {"late, a shell told its child's end first",
       {.exit_code = 137, .tree_gone = true},
       late,
       false,
       timed_out},
      {"had ended by itself just in time", {.exit_code = 0}, late, false, exited},
      {"its caller left", {.signal = SIGKILL, .tree_gone = true}, left, false, canceled},
      {"its caller left, killed for memory", {.signal = SIGKILL, .oom_kills = 2}, left, false, canceled},
      {"late, and its space left", {.signal = SIGKILL}, late, true, timed_out},
  };
  for (const auto& [what, end, cause, space_left, expected] : rows) {
    CAPTURE(what);
    const auto told = judge(end, cause, space_left);
    CHECK(to_string(told.outcome) == to_string(expected));
    CHECK(told.exit_code.has_value() == (expected == exited));
    CHECK(told.signal == end.signal);
    CHECK(told.oom_kills == end.oom_kills);
    CHECK(told.failure_code == end.failure_code);
  }
  CHECK(judge({.exit_code = 255}, none, false).exit_code == 255);
  CHECK_FALSE(judge({}, none, true).reason.empty());
  CHECK(judge({.reason = "why"}, none, true).reason == "its space was stopped or destroyed");
}

TEST_CASE("a SIGKILL that somebody asked us for says nothing of memory") {
  const process_end killed{.signal = SIGKILL, .oom_kills = 1};
  CHECK(judge(killed, end_cause::none, false, false).outcome == outcome::out_of_memory);
  CHECK(judge(killed, end_cause::none, false, true).outcome == outcome::signaled);
}

TEST_CASE("a signal is known by its name, with or without SIG, and by its number") {
  for (const auto* name : {"SIGINT", "INT", "2"}) CHECK(signal_number(name) == SIGINT);
  CHECK(signal_number("SIGWINCH") == SIGWINCH);
  CHECK(signal_number("64") == 64);
  for (const auto* name : {"", "SIG", "SIGNOPE", "sigint", "0", "65", "-1", "9 ", "SIGINT\n"}) {
    CAPTURE(name);
    const auto refused = test::refusal([&] { (void)signal_number(name); });
    REQUIRE(refused);
    CHECK(refused->code() == errc::invalid_field);
    CHECK(std::string(refused->what()).find(name) != std::string::npos);
  }
}

TEST_CASE("a signal has its name, and its number where it has none") {
  CHECK(signal_name(SIGKILL) == "SIGKILL");
  CHECK(signal_name(SIGTERM) == "SIGTERM");
  CHECK(signal_name(64) == "SIG64");
  CHECK(signal_name(0) == "SIG0");
  CHECK(signal_name(-1) == "SIG-1");
}
