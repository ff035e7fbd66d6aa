#include "library.hpp"

#include <doctest/doctest.h>

using namespace clawdspace;
using namespace clawdspace::test;

TEST_CASE("a detached command is answered when it runs, goes on, and is remembered with its output") {
  const auto body = [](library& l) -> task<> {
    const auto of = co_await l.detach("make all");
    CHECK_FALSE(of->end);
    CHECK(l.last().spec.outlives);
    CHECK(l.last().spec.history >= 0);
    CHECK(l.book->at(*l.where, of->facts.id) == of);
    CHECK(l.book->list(*l.where) == std::vector{of});
    CHECK(of->facts.argv == std::vector<std::string>{"make all"});
    CHECK(l.where->leases == 1);
    l.last().say(channel::out, "out ");
    l.last().say(channel::err, "err ");
    l.last().say(channel::out, "more");
    l.last().exit(3);
    co_await l.ended(of);
    CHECK(of->end->outcome == outcome::exited);
    CHECK(of->end->exit_code == 3);
    CHECK(of->bytes == std::array<std::uint64_t, 2>{8, 4});
    CHECK(l.where->leases == 0);
    CHECK(l.where->commands == 0);
    CHECK(l.last().closed == 1);
    CHECK(co_await follow_to_end(l, of, selection::both, 0) == "out err more");
    CHECK(co_await follow_to_end(l, of, selection::out, 2) == "t more");
    CHECK(co_await follow_to_end(l, of, selection::err, 4) == "");
    const auto past = refusal([&] { output_follower(l.w.known, of, selection::err, 5); });
    REQUIRE(past);
    CHECK(past->code() == errc::offset_out_of_range);
  };
  with_library(body);
}

TEST_CASE("a detached command that cannot start is an ending that is recorded") {
  const auto body = [](library& l) -> task<> {
    l.backend.start_at_once = false;
    const auto start = [&]() -> task<> {
      const auto of = co_await l.detach();
      REQUIRE(of->end);
      CHECK(of->end->outcome == outcome::failed_to_start);
      CHECK(of->end->failure_code == "program_not_found");
      CHECK(l.book->at(*l.where, of->facts.id) == of);
    };
    const auto fail = [&](nursery& beside) -> task<> {
      beside.start(start());
      const auto begun = [&] { return !l.backend.started.empty(); };
      co_await l.w.until(begun);
      l.last().finish({.failure_code = "program_not_found", .reason = "no"});
    };
    co_await with_nursery(fail);
  };
  with_library(body);
}

TEST_CASE("where commands cannot outlive a request, detaching is refused in words and leaves nothing") {
  const auto body = [](library& l) -> task<> {
    l.backend.limit = "not here";
    const auto refused = co_await refusal(l.detach());
    REQUIRE(refused);
    CHECK(refused->code() == errc::not_supported);
    CHECK(l.book->list(*l.where).empty());
    CHECK(l.where->leases == 0);
  };
  with_library(body);
}

TEST_CASE("what is not known is waited for where the space was not heard of yet, and only then") {
  const auto body = [](library& l) -> task<> {
    const auto of = co_await l.detach();
    const auto id = of->facts.id;
    l.backend.unheard = true;
    CHECK(co_await l.book->seek(l.where, id) == of);
    CHECK(l.backend.hearings == 0); // it is known
    const auto never = co_await refusal(l.book->seek(l.where, "no id of ours"));
    REQUIRE(never);
    CHECK(never->code() == errc::command_not_found);
    CHECK(l.backend.hearings == 0);
    CHECK((co_await l.book->seek_all(l.where)).size() == 1);
    CHECK(l.backend.hearings == 1);
    l.last().exit(0);
    co_await l.ended(of);
  };
  with_library(body);
}

TEST_CASE("that commands cannot outlive their request is known beforehand, unless the space is unheard of") {
  const auto body = [](library& l) -> task<> {
    l.book->must_outlive(*l.where);
    l.backend.limit = "not here";
    const auto refused = refusal([&] { l.book->must_outlive(*l.where); });
    REQUIRE(refused);
    CHECK(refused->code() == errc::not_supported);
    l.backend.unheard = true;
    l.book->must_outlive(*l.where);
    co_return;
  };
  with_library(body);
}

TEST_CASE("an id that was is gone, one that never was is not found, also after a restart") {
  const auto body = [](library& l) -> task<> {
    const auto first = co_await l.detach();
    l.last().exit(0);
    co_await l.ended(first);
    for (int i = 0; i < 2; ++i) {
      const auto next = co_await l.detach();
      l.last().exit(0);
      co_await l.ended(next);
    }
    const auto code_of = [&](const std::string& id) {
      return refusal([&] { (void)l.book->at(*l.where, id); })->code();
    };
    CHECK(code_of(first->facts.id) == errc::command_forgotten);
    CHECK(l.backend.forgotten == std::vector{first->facts.id});
    CHECK(code_of("000000000000000000000000") == errc::command_not_found);
    CHECK(code_of("../etc") == errc::command_not_found);
    co_await l.reopen();
    CHECK(code_of(first->facts.id) == errc::command_forgotten);
    CHECK(code_of("000000000000000000000000") == errc::command_not_found);
  };
  with_library(body, [](policy& rules) { rules.records = 2; });
}

TEST_CASE("an attached command is listed and asked like the others while its request owns it") {
  const auto body = [](library& l) -> task<> {
    auto what = l.shell("cat");
    what.command.input = true;
    what.command.tty = true;
    const auto command = co_await l.book->start(l.where, std::move(what));
    const auto of = l.book->at(*l.where, command->id());
    kept_output output;
    std::optional<ending> end;
    const auto both = [&](nursery& beside) -> task<> {
      const auto request = [&]() -> task<> { end = co_await command->run(output, nullptr, nobody_leaves()); };
      beside.start(request());
      co_await l.book->write_input(of, bytes_of("typed"));
      co_await l.book->signal(of, SIGINT, true);
      co_await l.book->resize(of, 50, 132);
      CHECK(of->facts.rows == 50);
      co_await l.book->close_input(of);
      const auto closed = co_await refusal(l.book->write_input(of, bytes_of("x")));
      REQUIRE(closed);
      CHECK(closed->code() == errc::conflict);
      l.last().say(channel::out, "bye");
      CHECK(co_await l.book->end(of));
    };
    co_await with_nursery(both);
    CHECK(l.last().input == "typed");
    CHECK(l.last().signals == std::vector<std::pair<int, bool>>{{SIGINT, true}});
    CHECK(l.last().columns == 132);
    CHECK(output.text == "bye");
    REQUIRE(end);
    CHECK(end->outcome == outcome::canceled);
    CHECK(end->confirmed == true);
    const auto over = co_await refusal(l.book->signal(of, SIGINT, false));
    REQUIRE(over);
    CHECK(over->code() == errc::conflict);
    const auto none = refusal([&] { output_follower(l.w.known, of, selection::both, 0); });
    REQUIRE(none);
    CHECK(none->code() == errc::no_history);
    CHECK(co_await l.book->end(of)); // told once more
  };
  with_library(body);
}

TEST_CASE("ending a command that has ended ends what it left in the background") {
  const auto body = [](library& l) -> task<> {
    const auto of = co_await l.detach();
    l.last().exit(0);
    co_await l.ended(of);
    CHECK(co_await l.book->end(of));
    CHECK(l.backend.rests == std::vector{of->facts.id});
  };
  with_library(body);
}

TEST_CASE("input to a command that was started without one is refused, and size to one without a terminal") {
  const auto body = [](library& l) -> task<> {
    const auto of = co_await l.detach();
    for (auto* const what : {"input", "size", "hang up"}) {
      CAPTURE(what);
      auto asked = what == std::string("input")  ? l.book->write_input(of, bytes_of("x"))
                   : what == std::string("size") ? l.book->resize(of, 1, 1)
                                                 : l.book->hang_up(of);
      const auto refused = co_await refusal(std::move(asked));
      REQUIRE(refused);
      CHECK(refused->code() == errc::conflict);
    }
  };
  with_library(body);
}

TEST_CASE("a write that nobody reads ends with its command") {
  const auto body = [](library& l) -> task<> {
    auto what = l.shell("sleep");
    what.command.input = true;
    const auto of = co_await l.book->start_detached(l.where, std::move(what));
    l.last().reads_input = false;
    std::optional<error> refused;
    const auto both = [&](nursery& beside) -> task<> {
      const auto write = [&]() -> task<> {
        refused = co_await refusal(l.book->write_input(of, bytes_of("x")));
      };
      beside.start(write());
      co_await asio::post(l.w.loop, asio::use_awaitable);
      co_await asio::post(l.w.loop, asio::use_awaitable);
      l.last().exit(0);
      co_await l.ended(of);
    };
    co_await with_nursery(both);
    REQUIRE(refused);
    CHECK(refused->code() == errc::conflict);
    CHECK(l.last().closed == 1);
  };
  with_library(body);
}

TEST_CASE("any number of followers get everything, and one that falls behind is told of the gap") {
  const auto body = [](library& l) -> task<> {
    const auto of = co_await l.detach();
    std::string wanted;
    std::array<std::string, 3> got;
    output_follower slow(l.w.known, of, selection::both, 0);
    const auto all = [&](nursery& beside) -> task<> {
      const auto follow = [&](std::string& into) -> task<> {
        into = co_await follow_to_end(l, of, selection::both, 0);
      };
      for (auto& one : got) beside.start(follow(one));
      for (int i = 0; i < 40; ++i) {
        const std::string line(1000, static_cast<char>('a' + i % 26));
        wanted += line;
        l.last().in_memory = i % 2 == 0;
        l.last().say(i % 3 == 0 ? channel::err : channel::out, line);
        const auto taken = [&] { return of->bytes[0] + of->bytes[1] == wanted.size(); };
        co_await l.w.until(taken);
      }
      l.last().exit(0);
    };
    co_await with_nursery(all);
    for (const auto& one : got) CHECK(one == wanted);
    const auto first = slow.try_next();
    REQUIRE(first);
    CHECK(first->what == followed::kind::gap);
    CHECK(first->from_offset == 0);
    CHECK(first->to_offset == of->output->kept(selection::both).first);
    CHECK(co_await follow_to_end(l, of, selection::both, first->to_offset) ==
          wanted.substr(first->to_offset));
  };
  with_library(body, [](policy& rules) { rules.history_limit = bytes{16384}; });
}

TEST_CASE("commands that ended first make room for histories, and where none can a start is refused") {
  const auto body = [](library& l) -> task<> {
    std::vector<record_ptr> all;
    for (int i = 0; i < 3; ++i) {
      all.push_back(co_await l.detach());
      l.last().say(channel::out, "x");
      l.last().exit(0);
      co_await l.ended(all.back());
    }
    CHECK_FALSE(all[0]->output); // two have room
    CHECK(all[0]->output_dropped);
    CHECK(all[1]->output);
    const auto gone = refusal([&] { output_follower(l.w.known, all[0], selection::both, 0); });
    REQUIRE(gone);
    CHECK(gone->code() == errc::command_forgotten);
    (void)co_await l.detach();
    (void)co_await l.detach();
    const auto refused = co_await refusal(l.detach());
    REQUIRE(refused);
    CHECK(refused->code() == errc::overloaded);
    const auto command = co_await l.book->start(l.where, l.shell("no history")); // needs none
    kept_output output;
    l.last().exit(0);
    co_await command->run(output, nullptr, nobody_leaves());
  };
  with_library(body, [](policy& rules) {
    rules.history_limit = bytes{65536};
    rules.history_total = bytes{static_cast<std::int64_t>(footprint(65536) * 2)};
  });
}

TEST_CASE("an attached command with a history keeps its client's pace and its output") {
  const auto body = [](library& l) -> task<> {
    struct gated final : output_sink {
      explicit gated(const asio::any_io_executor& on) : open(on) {}
      event open;
      std::string text;
      task<> begin() override { co_return; }
      task<> take(output_piece piece) override {
        co_await open.wait();
        text.append(reinterpret_cast<const char*>(piece.data.data()), piece.data.size());
      }
    } output(l.w.loop.get_executor());
    auto what = l.shell("cat");
    what.history = true;
    const auto command = co_await l.book->start(l.where, std::move(what));
    const auto both = [&](nursery& beside) -> task<> {
      const auto request = [&]() -> task<> { co_await command->run(output, nullptr, nobody_leaves()); };
      beside.start(request());
      l.last().say(channel::out, std::string(1'000'000, 'x'));
      l.last().exit(0);
      const auto full = [&] { return l.last().read >= 65'536; };
      co_await l.w.until(full);
      for (int i = 0; i < 50; ++i) co_await asio::post(l.w.loop, asio::use_awaitable);
      CHECK(l.last().read <= 4 * 65'536);
      output.open.set();
    };
    co_await with_nursery(both);
    CHECK(output.text.size() == 1'000'000);
    CHECK(command->record()->output->total(selection::out) == 1'000'000);
    CHECK_FALSE(l.last().spec.outlives);
  };
  with_library(body);
}

// --- one output each ---

TEST_CASE("the output that a request does not read goes to a follower of its own") {
  const auto body = [](library& l) -> task<> {
    const auto command = co_await l.book->start(l.where, l.shell("both"));
    kept_output out;
    kept_output err;
    const auto both = [&](nursery& beside) -> task<> {
      const auto request = [&]() -> task<> {
        co_await command->run(out, nullptr, nobody_leaves(), channel::out);
      };
      beside.start(request());
      l.last().say(channel::err, "early ");
      l.last().say(channel::out, "out");
      const auto seen = [&] { return out.text == "out"; };
      co_await l.w.until(seen);
      const auto other = [&]() -> task<> {
        co_await l.book->follow_other(command->record(), channel::err, err);
      };
      beside.start(other());
      const auto begun = [&] { return err.begun; };
      co_await l.w.until(begun);
      const auto second = co_await refusal(l.book->follow_other(command->record(), channel::err, err));
      CHECK(second->code() == errc::no_history);
      l.last().say(channel::err, "late");
      l.last().exit(0);
    };
    co_await with_nursery(both);
    CHECK(out.text == "out");
    CHECK(err.text == "early late");
  };
  with_library(body);
}

TEST_CASE("the output that nobody comes for waits a second and is dropped") {
  const auto body = [](library& l) -> task<> {
    const auto command = co_await l.book->start(l.where, l.shell("both"));
    kept_output out;
    const auto from = std::chrono::steady_clock::now();
    l.last().say(channel::err, std::string(1'000'000, 'e'));
    l.last().say(channel::out, "out");
    l.last().exit(0);
    co_await command->run(out, nullptr, nobody_leaves(), channel::out);
    CHECK(out.text == "out");
    CHECK(std::chrono::steady_clock::now() - from >= 900ms);
    kept_output late;
    const auto refused = co_await refusal(l.book->follow_other(command->record(), channel::err, late));
    REQUIRE(refused);
    CHECK(refused->code() == errc::no_history);
  };
  with_library(body);
}

TEST_CASE("what a short command said on its other output can still be had within the second") {
  const auto body = [](library& l) -> task<> {
    const auto command = co_await l.book->start(l.where, l.shell("both"));
    kept_output out;
    kept_output err;
    l.last().say(channel::err, "oops");
    l.last().exit(1);
    co_await command->run(out, nullptr, nobody_leaves(), channel::out);
    co_await l.book->follow_other(command->record(), channel::err, err);
    CHECK(err.text == "oops");
  };
  with_library(body);
}
