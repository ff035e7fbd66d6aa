#include "library.hpp"

#include <doctest/doctest.h>

// Commands across time: restarts of the daemon, sleep, time limits, terminals that come and go.

using namespace clawdspace;
using namespace clawdspace::test;

namespace {

/// What a view shows until a condition holds.
struct shown {
  std::string text;
  std::vector<viewed::kind> kinds;
  int rows = 0;
};

task<> watch(terminal_view& view, shown& into) {
  for (;;) {
    const auto got = co_await view.next();
    into.kinds.push_back(got.what);
    if (got.what == viewed::kind::resized) into.rows = got.rows;
    into.text.append(reinterpret_cast<const char*>(got.data.data()), got.data.size());
    if (got.what == viewed::kind::end || got.what == viewed::kind::dropped) co_return;
  }
}

} // namespace

// --- restarts ---

TEST_CASE("a command goes on while there is no daemon, and its output, offsets and ending are found again") {
  const auto body = [](library& l) -> task<> {
    auto what = l.shell("long work");
    what.command.cwd = "/srv";
    what.command.user = "node";
    what.command.input = true;
    const auto old = co_await l.book->start_detached(l.where, std::move(what));
    const auto it = l.backend.started.back();
    l.last().say(channel::out, "before ");
    l.last().say(channel::err, "oops ");
    const auto taken = [&] { return old->bytes == std::array<std::uint64_t, 2>{7, 5}; };
    co_await l.w.until(taken);
    co_await l.reopen();
    CHECK_FALSE(old->end);
    CHECK(it->closed == 1);
    CHECK(it->tree_ends == 0);
    CHECK(l.where->leases == 0);
    CHECK(l.where->commands == 0);

    l.book->adopt(l.where, l.found(old, it));
    const auto of = l.book->at(*l.where, old->facts.id);
    CHECK(of != old);
    CHECK(of->facts.argv == old->facts.argv);
    CHECK(of->facts.cwd == "/srv");
    CHECK(of->facts.user == "node");
    CHECK(of->facts.detached);
    CHECK(of->facts.started == std::chrono::floor<milliseconds>(old->facts.started));
    CHECK(of->bytes == old->bytes);
    CHECK(l.where->leases == 1);
    l.book->adopt(l.where, l.found(old, it)); // told twice
    CHECK(l.book->list(*l.where).size() == 1);
    co_await l.book->write_input(of, bytes_of("go on"));
    CHECK(it->input == "go on");
    it->say(channel::out, "after");
    it->exit(7);
    co_await l.ended(of);
    CHECK(of->end->exit_code == 7);
    CHECK(co_await follow_to_end(l, of, selection::both, 0) == "before oops after");
    CHECK(co_await follow_to_end(l, of, selection::out, 7) == "after");

    co_await l.reopen(); // and once more: now it is one that has ended
    l.book->adopt(l.where, l.found(of, it));
    const auto again = l.book->at(*l.where, old->facts.id);
    REQUIRE(again->end);
    CHECK(again->end->exit_code == 7);
    CHECK(again->ended == std::chrono::floor<milliseconds>(of->ended));
    CHECK(co_await follow_to_end(l, again, selection::both, 5) == "e oops after");
  };
  with_library(body);
}

TEST_CASE(
    "a command that ended while there was no daemon is read to its end, with what was left in its pipe") {
  const auto body = [](library& l) -> task<> {
    const auto old = co_await l.detach();
    const auto it = l.backend.started.back();
    co_await l.reopen();
    it->say(channel::out, "last words");
    it->exit(0);
    l.book->adopt(l.where, l.found(old, it));
    const auto of = l.book->at(*l.where, old->facts.id);
    co_await l.ended(of);
    CHECK(of->end->outcome == outcome::exited);
    CHECK(co_await follow_to_end(l, of, selection::both, 0) == "last words");
  };
  with_library(body);
}

TEST_CASE("a history that comes back broken costs that history, not the command") {
  const auto body = [](library& l) -> task<> {
    const auto old = co_await l.detach();
    const auto it = l.backend.started.back();
    co_await l.reopen();
    const std::uint64_t lie = 0;
    REQUIRE(::pwrite(old->output->descriptor(), &lie, sizeof lie, 0) == sizeof lie);
    l.book->adopt(l.where, l.found(old, it));
    const auto of = l.book->at(*l.where, old->facts.id);
    CHECK_FALSE(of->output);
    it->say(channel::out, "still read");
    it->exit(0);
    co_await l.ended(of);
    CHECK(of->bytes[0] == 10);
    const auto gone = refusal([&] { output_follower(l.w.known, of, selection::both, 0); });
    REQUIRE(gone);
    CHECK(gone->code() == errc::command_forgotten);
  };
  with_library(body);
}

TEST_CASE("another command's history is not taken for one's own") {
  const auto body = [](library& l) -> task<> {
    const auto old = co_await l.detach();
    const auto it = l.backend.started.back();
    co_await l.reopen();
    auto found = l.found(old, it);
    found.id = "anotherone";
    l.book->adopt(l.where, std::move(found));
    CHECK_FALSE(l.book->at(*l.where, "anotherone")->output);
    it->exit(0);
    co_await l.ended(l.book->at(*l.where, "anotherone"));
  };
  with_library(body);
}

// --- time, sleep, and the end of a space ---

TEST_CASE("a detached command is held to its time, which stands still while its space is frozen") {
  const auto body = [](library& l) -> task<> {
    auto what = l.shell("sleep");
    what.timeout = 200ms;
    const auto of = co_await l.book->start_detached(l.where, std::move(what));
    co_await l.w.operations.stop(l.where, sleep_depth::paused);
    asio::steady_timer longer(l.w.loop.get_executor(), 400ms);
    co_await longer.async_wait(asio::use_awaitable);
    CHECK_FALSE(of->end);
    {
      const auto awake = co_await l.w.operations.wake(l.where);
    }
    co_await l.ended(of);
    CHECK(of->end->outcome == outcome::timed_out);
    CHECK(of->end->confirmed == true);
  };
  with_library(body);
}

TEST_CASE("a command's time goes on over a restart") {
  const auto body = [](library& l) -> task<> {
    auto what = l.shell("sleep");
    what.timeout = 300ms;
    const auto old = co_await l.book->start_detached(l.where, std::move(what));
    const auto it = l.backend.started.back();
    co_await l.book->close();
    asio::steady_timer away(l.w.loop.get_executor(), 350ms);
    co_await away.async_wait(asio::use_awaitable);
    l.open();
    const auto from = std::chrono::steady_clock::now();
    l.book->adopt(l.where, l.found(old, it));
    const auto of = l.book->at(*l.where, old->facts.id);
    co_await l.ended(of);
    CHECK(of->end->outcome == outcome::timed_out);
    CHECK(std::chrono::steady_clock::now() - from < 250ms);
  };
  with_library(body);
}

TEST_CASE("a space falls asleep under a terminal and under keepAwake false, and a keystroke wakes it") {
  const auto body = [](library& l) -> task<> {
    const auto of = co_await l.terminal();
    terminal_view view(l.w.known, of);
    auto what = l.shell("daemon");
    what.keep_awake = false;
    (void)co_await l.book->start_detached(l.where, std::move(what));
    CHECK(l.where->leases == 0);
    co_await l.w.look();
    l.w.time.advance(l.w.rules.idle_timeout / 2);
    co_await l.book->write_input(of, bytes_of("x")); // bytes have moved: it counts anew
    co_await l.w.look();
    l.w.time.advance(l.w.rules.idle_timeout / 2 + 1s);
    co_await l.w.look();
    CHECK(l.where->state == space_state::running);
    l.w.time.advance(l.w.rules.idle_timeout / 2);
    const auto asleep = [&] { return l.where->state == space_state::paused; };
    co_await l.w.until(asleep);
    co_await l.book->write_input(of, bytes_of("y"));
    CHECK(l.where->state == space_state::running);
    CHECK(l.backend.started.front()->input == "xy");
  };
  with_library(body);
}

TEST_CASE("a space that is destroyed cancels its commands, says so, and forgets them") {
  const auto body = [](library& l) -> task<> {
    const auto of = co_await l.detach();
    l.last().ends_on_request = false; // not even its end is told
    const auto done = co_await l.detach();
    l.last().exit(0);
    co_await l.ended(done);
    co_await l.w.operations.destroy(l.where);
    co_await l.ended(of);
    CHECK(of->end->outcome == outcome::canceled);
    CHECK(of->end->reason == "its space was stopped or destroyed");
    const auto forgotten = [&] { return l.book->list(*l.where).empty(); };
    co_await l.w.until(forgotten);
  };
  with_library(body);
}

TEST_CASE("a command of a stopped space has ended with it, and asking it something starts nothing") {
  const auto body = [](library& l) -> task<> {
    const auto of = co_await l.terminal();
    co_await l.w.operations.stop(l.where, sleep_depth::stopped);
    const auto refused = co_await refusal(l.book->write_input(of, bytes_of("x")));
    REQUIRE(refused);
    CHECK(refused->code() == errc::conflict);
    CHECK(l.where->state == space_state::stopped);
    co_await l.ended(of);
    CHECK(of->end->outcome == outcome::canceled);
  };
  with_library(body);
}

// --- terminals ---

TEST_CASE("a terminal is shown from its last 64 KiB on, and its new size to all who look") {
  const auto body = [](library& l) -> task<> {
    const auto of = co_await l.terminal();
    CHECK(l.last().spec.tty);
    l.last().say(channel::out, std::string(100'000, 'o') + "prompt> ");
    const auto taken = [&] { return of->bytes[0] == 100'008; };
    co_await l.w.until(taken);
    terminal_view first(l.w.known, of);
    terminal_view second(l.w.known, of);
    std::array<shown, 2> seen;
    const auto all = [&](nursery& beside) -> task<> {
      beside.start(watch(first, seen[0]));
      beside.start(watch(second, seen[1]));
      co_await l.book->resize(of, 30, 100);
      co_await l.book->resize(of, 40, 120);
      const auto told = [&] { return seen[0].rows == 40 && seen[1].rows == 40; };
      co_await l.w.until(told);
      l.last().say(channel::out, "ls");
      l.last().exit(0);
    };
    co_await with_nursery(all);
    for (const auto& one : seen) {
      CHECK(one.text.size() == terminal_view::replay + 2);
      CHECK(one.text.ends_with("prompt> ls"));
      CHECK(one.kinds.back() == viewed::kind::end);
    }
    CHECK(l.last().columns == 120);
    CHECK(of->facts.rows == 40);
  };
  with_library(body);
}

TEST_CASE("the first viewer holds the program to its pace, another that falls behind is dropped") {
  const auto body = [](library& l) -> task<> {
    const auto of = co_await l.terminal();
    auto first = std::make_unique<terminal_view>(l.w.known, of);
    terminal_view slow(l.w.known, of);
    l.last().say(channel::out, std::string(2'000'000, 'x'));
    for (int i = 0; i < 200; ++i) co_await asio::post(l.w.loop, asio::use_awaitable);
    CHECK(of->bytes[0] <= 2 * 65'536);
    shown seen;
    const auto all = [&](nursery& beside) -> task<> {
      beside.start(watch(*first, seen));
      const auto taken = [&] { return seen.text.size() == 2'000'000; };
      co_await l.w.until(taken);
      shown little;
      co_await watch(slow, little);
      CHECK(little.kinds == std::vector{viewed::kind::dropped});
      l.last().exit(0);
    };
    co_await with_nursery(all);
    CHECK(seen.kinds.back() == viewed::kind::end);
  };
  with_library(body);
}

TEST_CASE("a terminal that nobody looks at is read freely, lingers, and is then hung up") {
  const auto body = [](library& l) -> task<> {
    const auto of = co_await l.terminal(200ms);
    auto view = std::make_unique<terminal_view>(l.w.known, of);
    asio::steady_timer timer(l.w.loop.get_executor(), 300ms);
    co_await timer.async_wait(asio::use_awaitable);
    CHECK(l.last().hang_ups == 0); // somebody looks
    view.reset();
    l.last().say(channel::out, std::string(3'000'000, 'x'));
    const auto taken = [&] { return of->bytes[0] == 3'000'000; };
    co_await l.w.until(taken);
    CHECK(l.last().hang_ups == 0);
    co_await l.ended(of);
    CHECK(l.last().hang_ups == 1);
    CHECK(of->end->outcome == outcome::signaled);
    CHECK(of->end->signal == SIGHUP);
    CHECK(refusal([&] { terminal_view(l.w.known, of); })->code() == errc::conflict);
  };
  with_library(body);
}

TEST_CASE("a terminal that lingers for ever stays, and ends at once when it is hung up") {
  const auto body = [](library& l) -> task<> {
    const auto of = co_await l.terminal(std::nullopt);
    {
      const terminal_view view(l.w.known, of);
    }
    asio::steady_timer timer(l.w.loop.get_executor(), 200ms);
    co_await timer.async_wait(asio::use_awaitable);
    CHECK_FALSE(of->end);
    co_await l.book->hang_up(of);
    co_await l.ended(of);
    CHECK(l.last().hang_ups == 1);
  };
  with_library(body);
}

TEST_CASE("a program that does not heed the hang-up is ended after a grace") {
  const auto body = [](library& l) -> task<> {
    const auto of = co_await l.terminal();
    l.last().hangs_up = false;
    co_await l.book->hang_up(of);
    co_await l.ended(of);
    CHECK(l.last().tree_ends == 1);
    CHECK(of->end->outcome == outcome::canceled);
  };
  with_library(body);
}
