#include <clawdspace/door/protocol.hpp>

#include <asio/post.hpp>

#include <door/opened.hpp>

using namespace clawdspace;
using namespace std::chrono_literals;
using test::at_a_door;
using test::opened;

namespace {

task<> spawn(opened& at, std::shared_ptr<door::followed> what, std::chrono::milliseconds limit = 2s) {
  co_await at.door->spawn(what, door::to_frame({"spawn", what->id, "--", "true"}), {}, limit);
}

/// Starts a command that init says runs.
task<std::shared_ptr<door::followed>> run(opened& at, test::scripted_init& init, std::string id) {
  auto what = at.door->follow(id);
  const auto both = [&](nursery& side) -> task<> {
    side.start(spawn(at, what));
    CHECK((co_await init.hear()).text() == "spawn " + id + " -- true");
    init.say("started", id, "7");
  };
  co_await with_nursery(both);
  co_return what;
}

} // namespace

TEST_CASE("a spawn carries its descriptors, and returns when the program runs") {
  const auto body = [](opened& at) -> task<> {
    auto init = co_await at.enter();
    auto pipe = door::make_pipe();
    door::descriptors with;
    with.push_back(std::move(pipe.writing));
    const auto what = at.door->follow("c1");
    const auto both = [&](nursery& side) -> task<> {
      side.start(at.door->spawn(what, door::to_frame({"spawn", "c1", "--", "true"}), std::move(with), 2s));
      const auto heard = co_await init.hear();
      CHECK(heard.text() == "spawn c1 -- true");
      REQUIRE(heard.with.size() == 1);
      CHECK(door::is_pipe(heard.with[0].value(), O_WRONLY));
      init.say("started", "c1", "42");
    };
    co_await with_nursery(both);
    CHECK(what->pid == 42);
    char byte = 0;
    CHECK(::read(pipe.reading.value(), &byte, 1) == 0); // no end of it was kept here
  };
  at_a_door(body);
}

TEST_CASE("a command that cannot start tells why") {
  const auto body = [](opened& at) -> task<> {
    auto init = co_await at.enter();
    const auto what = at.door->follow("c1");
    const auto both = [&](nursery& side) -> task<> {
      side.start(spawn(at, what));
      co_await init.hear();
      init.say("failed", "c1", "no_such_user", "2", "there is no user x");
    };
    co_await with_nursery(both);
    REQUIRE(what->failure);
    CHECK(what->failure->code == "no_such_user");
    CHECK(what->failure->words == "there is no user x");
  };
  at_a_door(body);
}

TEST_CASE("a command that ended before it was told to run is not waited for") {
  const auto body = [](opened& at) -> task<> {
    auto init = co_await at.enter();
    const auto what = at.door->follow("c1");
    const auto both = [&](nursery& side) -> task<> {
      side.start(spawn(at, what));
      co_await init.hear();
      init.say("ended", "c1", "lost", "0", "oom=0", "gone=unconfirmed");
    };
    co_await with_nursery(both);
    CHECK(!what->pid);
    REQUIRE(what->end);
    CHECK(what->gone == false);
  };
  at_a_door(body);
}

TEST_CASE("a terminal comes with the word that its program runs") {
  const auto body = [](opened& at) -> task<> {
    auto init = co_await at.enter();
    const auto what = at.door->follow("c1");
    const auto both = [&](nursery& side) -> task<> {
      side.start(spawn(at, what));
      co_await init.hear();
      door::descriptors master;
      master.emplace_back(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
      init.say_raw(door::to_frame({"started", "c1", "7"}), master);
    };
    co_await with_nursery(both);
    CHECK(door::is_pty_master(what->terminal.value()));
  };
  at_a_door(body);
}

TEST_CASE("a start that is not answered in time is an error, and is ended") {
  const auto body = [](opened& at) -> task<> {
    auto init = co_await at.enter();
    const auto refused = co_await test::refusal_of(spawn(at, at.door->follow("c1"), 50ms));
    REQUIRE(refused);
    CHECK(refused->code() == errc::engine_timed_out);
    co_await init.hear();
    CHECK((co_await init.hear()).text() == "end c1");
    init.say("started", "c1", "7");
    init.say("ended", "c1", "signaled", "9", "oom=0", "gone=confirmed");
    CHECK((co_await init.hear()).text() == "forget c1");
  };
  at_a_door(body);
}

TEST_CASE("a start that its caller gave up is ended") {
  const auto body = [](opened& at) -> task<> {
    auto init = co_await at.enter();
    const auto given_up = [&](nursery& side) -> task<> {
      side.start(spawn(at, at.door->follow("c1")));
      co_await init.hear();
      side.cancel();
    };
    co_await with_nursery(given_up);
    CHECK((co_await init.hear()).text() == "end c1");
  };
  at_a_door(body);
}

TEST_CASE("a start whose door is lost is an error, and is ended when init is back") {
  const auto body = [](opened& at) -> task<> {
    auto init = co_await at.enter();
    std::optional<error> refused;
    const auto both = [&](nursery& side) -> task<> {
      const auto start = [](opened& where, std::optional<error>& into) -> task<> {
        into = co_await test::refusal_of(spawn(where, where.door->follow("c1")));
      };
      side.start(start(at, refused));
      co_await init.hear();
      init.close();
    };
    co_await with_nursery(both);
    REQUIRE(refused);
    CHECK(refused->code() == errc::overloaded);
    auto back = co_await at.enter();
    CHECK((co_await back.hear()).text() == "end c1");
  };
  at_a_door(body);
}

TEST_CASE("a shut door refuses at once") {
  const auto body = [](opened& at) -> task<> {
    const auto refused = co_await test::refusal_of(spawn(at, at.door->follow("c1")));
    REQUIRE(refused);
    CHECK(refused->code() == errc::overloaded);
  };
  at_a_door(body);
}

TEST_CASE("how a command ended, and that nothing of it is left, is told to who follows it") {
  const auto body = [](opened& at) -> task<> {
    auto init = co_await at.enter();
    const auto what = co_await run(at, init, "c1");
    init.say("ended", "c1", "exited", "3", "oom=1");
    co_await at.until([&] { return what->end.has_value(); });
    CHECK(what->end->number == 3);
    CHECK(what->end->oom_kills == 1);
    CHECK_FALSE(what->gone);
    init.say("gone", "c1", "confirmed");
    co_await at.until([&] { return what->gone.has_value(); });
    CHECK(what->gone == true);
  };
  at_a_door(body);
}

TEST_CASE("what is asked about a command is said in the protocol's words") {
  const auto body = [](opened& at) -> task<> {
    auto init = co_await at.enter();
    const auto what = co_await run(at, init, "c1");
    co_await at.door->signal("c1", 15, false);
    CHECK((co_await init.hear()).text() == "signal c1 15");
    co_await at.door->signal("c1", 2, true);
    CHECK((co_await init.hear()).text() == "signal c1 2 tree");
    co_await at.door->resize("c1", 30, 100);
    CHECK((co_await init.hear()).text() == "resize c1 30 100");
    at.door->forget("c1");
    CHECK((co_await init.hear()).text() == "forget c1");
    const auto closed = [&](nursery& side) -> task<> {
      side.start(at.door->close_input(what));
      CHECK((co_await init.hear()).text() == "close-input c1");
      init.say("input-closed", "c1");
    };
    co_await with_nursery(closed);
    const auto hung_up = [&](nursery& side) -> task<> {
      side.start(at.door->hang_up(what));
      CHECK((co_await init.hear()).text() == "hang-up c1");
      init.say("hung-up", "c1");
    };
    co_await with_nursery(hung_up);
  };
  at_a_door(body);
}

TEST_CASE("the end of a tree is asked for again after a lost connection, and told") {
  const auto body = [](opened& at) -> task<> {
    auto init = co_await at.enter();
    const auto what = co_await run(at, init, "c1");
    const auto both = [&](nursery& side) -> task<> {
      const auto end = [](opened& where, std::shared_ptr<door::followed> whom) -> task<> {
        CHECK((co_await where.door->end(whom, 3s)) == true);
      };
      side.start(end(at, what));
      CHECK((co_await init.hear()).text() == "end c1");
      init.close();
      co_await at.until([&] { return !at.door->is_open(); });
      auto back = co_await at.enter();
      CHECK((co_await back.hear()).text() == "end c1");
      back.say("ended", "c1", "signaled", "9", "oom=0", "gone=confirmed");
      co_await at.until([&] { return what->gone.has_value(); });
    };
    co_await with_nursery(both);
  };
  at_a_door(body);
}

TEST_CASE("the end of a tree that is never told is not waited for without a bound") {
  const auto body = [](opened& at) -> task<> {
    auto init = co_await at.enter();
    const auto what = co_await run(at, init, "c1");
    CHECK_FALSE(co_await at.door->end(what, 50ms));
  };
  at_a_door(body);
}

TEST_CASE("endings of meanwhile are told at the next greeting of the same init") {
  const auto body = [](opened& at) -> task<> {
    auto init = co_await at.enter();
    const auto ended = co_await run(at, init, "c1");
    const auto running = co_await run(at, init, "c2");
    init.close();
    co_await at.until([&] { return !at.door->is_open(); });
    CHECK(running->lost.empty());
    auto back = at.knock();
    back.say("hello", "1", "life1");
    back.say("command", "c1", "exited", "4", "oom=?", "gone=confirmed");
    back.say("ready");
    CHECK((co_await back.hear()).text() == "welcome 1");
    REQUIRE(ended->end);
    CHECK(ended->end->number == 4);
    CHECK(ended->gone == true);
    CHECK_FALSE(running->end);
    CHECK(running->lost.empty());
    back.say("ended", "c2", "exited", "5", "oom=0");
    co_await at.until([&] { return running->end.has_value(); });
  };
  at_a_door(body);
}

TEST_CASE("with another life, what ran in the one before is lost") {
  const auto body = [](opened& at) -> task<> {
    auto init = co_await at.enter("life1");
    const auto what = co_await run(at, init, "c1");
    init.close();
    const auto next = co_await at.enter("life2");
    CHECK_FALSE(what->lost.empty());
    CHECK(at.door->is_open());
  };
  at_a_door(body);
}

TEST_CASE("commands that this daemon does not know are handed over with what was kept of them") {
  const auto body = [](opened& at) -> task<> {
    std::vector<door::door::stranger> found;
    at.door->on_strangers([&](std::vector<door::door::stranger> all) { found = std::move(all); });
    at.door->expect(::getpid());
    auto init = at.knock();
    init.say("hello", "1", "life1");
    door::descriptors kept;
    kept.push_back(door::make_pipe().reading);
    kept.push_back(door::make_sealed("history"));
    init.say_raw(door::to_frame({"command", "c1", "running", "7", "fds=oh"}), kept);
    init.say("command", "c2", "exited", "0", "oom=0", "gone=confirmed");
    init.say("ready");
    CHECK((co_await init.hear()).text() == "welcome 1");
    REQUIRE(found.size() == 2);
    CHECK(found[0].command->id == "c1");
    CHECK(found[0].runs);
    CHECK(found[0].kinds == "oh");
    CHECK(door::is_pipe(found[0].with[0].value(), O_RDONLY));
    CHECK(door::is_memory_file(found[0].with[1].value()));
    CHECK_FALSE(found[1].runs);
    CHECK(found[1].command->end->number == 0);
  };
  at_a_door(body);
}

TEST_CASE("a space that does not read is refused commands, and then loses its door; memory stays bounded") {
  const auto body = [](opened& at) -> task<> {
    const auto init = co_await at.enter();
    const auto big = std::string(30'000, 'x');
    const auto fill = [&](nursery& side) -> task<> {
      int refused = 0;
      const auto start = [](opened& where, std::string id, std::string argument, int& count) -> task<> {
        const auto why = co_await test::refusal_of(where.door->spawn(
            where.door->follow(id), door::to_frame({"spawn", id, "--", argument}), {}, 300ms));
        if (why && why->code() == errc::overloaded) ++count;
      };
      for (int i = 0; i < 100; ++i) side.start(start(at, "c" + std::to_string(i), big, refused));
      co_await at.until([&] { return refused > 10; });
    };
    co_await with_nursery(fill);
    CHECK(at.door->is_open());
    for (int i = 0; i < 20'000 && at.door->is_open(); ++i) {
      at.door->forget("c" + std::to_string(i));
      if (i % 100 == 0) co_await asio::post(at.executor, asio::use_awaitable);
    }
    co_await at.until([&] { return !at.door->is_open(); });
  };
  at_a_door(body);
}
