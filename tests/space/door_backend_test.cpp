#include "door_world.hpp"
#include <clawdspace/door/protocol.hpp>

#include <algorithm>

using namespace clawdspace;
using namespace clawdspace::spaces;
using namespace std::chrono_literals;
using test::behind_a_door;
using test::door_world;
using test::put;
using test::text_of;

namespace {

bool has(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

/// What a command writes until its end.
task<std::string> read_all(running_command& command) {
  std::string text;
  for (;;) {
    const auto piece = co_await command.read();
    if (piece.is_end()) co_return text;
    text += text_of(piece);
  }
}

task<std::optional<error>> refusal_of(task<std::unique_ptr<running_command>> operation) {
  try {
    const auto command = co_await std::move(operation);
  } catch (const error& e) {
    co_return e;
  }
  co_return std::nullopt;
}

} // namespace

TEST_CASE("a command's words say who it is and what it is given") {
  const auto body = [](door_world& w) -> task<> {
    const auto s = co_await w.make();
    auto init = co_await w.enter(s);
    const auto begun = co_await w.run(
        s, init,
        {.id = "c1", .argv = {"echo", ""}, .env = {"A=b c"}, .cwd = "/tmp", .user = "root", .input = true});
    CHECK(begun.words.front() == "spawn");
    CHECK(begun.words[1] == "c1");
    for (const auto* const word : {"--user=root", "--cwd=/tmp", "--set=A=b c", "--input"})
      CHECK(has(begun.words, word));
    CHECK(begun.words[begun.words.size() - 3] == "--");
    CHECK(begun.words.back().empty());
    REQUIRE(begun.ends.size() == 3);
    CHECK(door::is_pipe(begun.ends[0].value(), O_RDONLY));
    CHECK(door::is_pipe(begun.ends[1].value(), O_WRONLY));
    CHECK(s->backend == "door");
    CHECK(w.door.limitation(*s).empty());
  };
  behind_a_door(body);
}

TEST_CASE("both outputs are read to their end, and the end is the process's") {
  const auto body = [](door_world& w) -> task<> {
    const auto s = co_await w.make();
    auto init = co_await w.enter(s);
    auto begun = co_await w.run(s, init, {.id = "c1", .argv = {"x"}});
    put(begun.ends[0], "out");
    const auto first = co_await begun.command->read();
    CHECK(first.from == channel::out);
    CHECK(text_of(first) == "out");
    put(begun.ends[1], "err");
    const auto second = co_await begun.command->read();
    CHECK(second.from == channel::err);
    CHECK(text_of(second) == "err");
    begun.ends.clear(); // end-of-file comes before the end
    init.say("ended", "c1", "exited", "3", "oom=1", "gone=confirmed");
    CHECK((co_await begun.command->read()).is_end());
    const auto end = co_await begun.command->end();
    CHECK(end.exit_code == 3);
    CHECK(end.oom_kills == 1);
    CHECK_FALSE(end.tree_gone); // nobody asked for that
    co_await begun.command->close();
  };
  behind_a_door(body);
}

TEST_CASE("what stood in the pipes at the process's end is delivered, and a child in the background holds "
          "nothing") {
  const auto body = [](door_world& w) -> task<> {
    const auto s = co_await w.make();
    auto init = co_await w.enter(s);
    auto begun = co_await w.run(s, init, {.id = "c1", .argv = {"x"}});
    put(begun.ends[0], std::string(60'000, 'o'));
    put(begun.ends[1], std::string(60'000, 'e'));
    init.say("ended", "c1", "exited", "0", "oom=0");
    const auto text = co_await read_all(*begun.command);
    CHECK(std::ranges::count(text, 'o') == 60'000);
    CHECK(std::ranges::count(text, 'e') == 60'000);
    CHECK((co_await begun.command->end()).exit_code == 0);
  };
  behind_a_door(body);
}

TEST_CASE("a child in the background that never stops writing does not hold the end either") {
  const auto body = [](door_world& w) -> task<> {
    const auto s = co_await w.make();
    auto init = co_await w.enter(s);
    auto begun = co_await w.run(s, init, {.id = "c1", .argv = {"x"}});
    init.say("ended", "c1", "exited", "0", "oom=0");
    const auto both = [&](nursery& side) -> task<> {
      const auto chatter = [](door_world& world, const unique_fd& into) -> task<> {
        asio::steady_timer pause(world.loop);
        for (;;) {
          put(into, "x");
          pause.expires_after(10ms);
          co_await pause.async_wait(asio::use_awaitable);
        }
      };
      side.start(chatter(w, begun.ends[0]));
      co_await read_all(*begun.command);
      side.cancel();
    };
    co_await with_nursery(both);
  };
  behind_a_door(body);
}

TEST_CASE("nothing is read that nobody asked for") {
  const auto body = [](door_world& w) -> task<> {
    const auto s = co_await w.make();
    auto init = co_await w.enter(s);
    auto begun = co_await w.run(s, init, {.id = "c1", .argv = {"x"}});
    door::set_nonblocking(begun.ends[0].value());
    const std::string some(4096, 'x');
    std::size_t taken = 0;
    const auto fill = [&] {
      for (;;) {
        const auto n = ::write(begun.ends[0].value(), some.data(), some.size());
        if (n < 0) break;
        taken += static_cast<std::size_t>(n);
      }
    };
    fill();
    asio::steady_timer pause(w.loop, 50ms);
    co_await pause.async_wait(asio::use_awaitable);
    fill();
    CHECK(taken == 65536);
    CHECK((co_await begun.command->read()).size() == 65536); // a flood: the pipe is widened
    CHECK(::fcntl(begun.ends[0].value(), F_GETPIPE_SZ) > 65536);
  };
  behind_a_door(body);
}

TEST_CASE("output can be taken from the pipe itself") {
  const auto body = [](door_world& w) -> task<> {
    const auto s = co_await w.make();
    auto init = co_await w.enter(s);
    auto begun = co_await w.run(s, init, {.id = "c1", .argv = {"x"}});
    put(begun.ends[1], "12345");
    const auto piece = co_await begun.command->read(true);
    CHECK(piece.from == channel::err);
    REQUIRE(piece.pipe >= 0);
    CHECK(piece.ready == 5);
    char into[5];
    CHECK(::read(piece.pipe, into, sizeof into) == 5);
    begun.ends.clear();
    init.say("ended", "c1", "signaled", "9", "oom=0", "gone=confirmed");
    CHECK((co_await begun.command->read(true)).is_end());
    CHECK((co_await begun.command->end()).signal == 9);
  };
  behind_a_door(body);
}

TEST_CASE("input waits for a command that does not read, and goes nowhere when it has closed it") {
  const auto body = [](door_world& w) -> task<> {
    const auto s = co_await w.make();
    auto init = co_await w.enter(s);
    auto begun = co_await w.run(s, init, {.id = "c1", .argv = {"x"}, .input = true});
    CHECK(begun.command->input_open());
    const std::vector<std::byte> much(100'000, std::byte{'i'});
    bool written = false;
    const auto both = [&](nursery& side) -> task<> {
      const auto write = [](running_command& to, const std::vector<std::byte>& data, bool& done) -> task<> {
        co_await to.write_input(data);
        done = true;
      };
      side.start(write(*begun.command, much, written));
      asio::steady_timer pause(w.loop, 30ms);
      co_await pause.async_wait(asio::use_awaitable);
      CHECK_FALSE(written);
      std::vector<char> into(1 << 16);
      std::size_t got = 0;
      while (got < much.size()) {
        const auto n = ::read(begun.ends[0].value(), into.data(), into.size());
        REQUIRE(n > 0);
        got += static_cast<std::size_t>(n);
        const auto seen_by_writer = [&] { return written || got >= 65536; };
        co_await w.until(seen_by_writer);
        pause.expires_after(5ms);
        co_await pause.async_wait(asio::use_awaitable);
      }
    };
    co_await with_nursery(both);
    CHECK(written);
    begun.ends[0].reset();
    CHECK_FALSE(begun.command->input_open());
    co_await begun.command->write_input(much);
    co_await begun.command->close_input();
  };
  behind_a_door(body);
}

TEST_CASE("a command that outlives the daemon leaves spare ends and its history with init") {
  const auto body = [](door_world& w) -> task<> {
    const auto s = co_await w.make();
    auto init = co_await w.enter(s);
    const auto history = door::make_sealed("ring");
    auto begun = co_await w.run(
        s, init, {.id = "c1", .argv = {"x"}, .input = true, .outlives = true, .history = history.value()});
    CHECK(has(begun.words, "--outlive"));
    REQUIRE(begun.ends.size() == 7);
    CHECK(door::is_pipe(begun.ends[3].value(), O_WRONLY));
    CHECK(door::is_pipe(begun.ends[4].value(), O_RDONLY));
    CHECK(door::is_pipe(begun.ends[5].value(), O_RDONLY));
    CHECK(door::is_memory_file(begun.ends[6].value()));
    CHECK((::fcntl(begun.ends[4].value(), F_GETFL) & O_NONBLOCK) == 0); // ours has flags of its own
    const auto closing = [&](nursery& side) -> task<> {
      side.start(begun.command->close_input());
      CHECK((co_await init.hear()).text() == "close-input c1");
      init.say("input-closed", "c1");
    };
    co_await with_nursery(closing);
    CHECK_FALSE(begun.command->input_open());
  };
  behind_a_door(body);
}

TEST_CASE(
    "a command that does not fit into a frame goes in sealed memory, and one beyond all size not at all") {
  const auto body = [](door_world& w) -> task<> {
    const auto s = co_await w.make();
    auto init = co_await w.enter(s);
    const auto begun = co_await w.run(s, init, {.id = "c1", .argv = {"echo", std::string(100'000, 'x')}});
    CHECK(begun.words == std::vector<std::string>{"spawn-large", "c1"});
    REQUIRE(begun.ends.size() == 3);
    CHECK(door::is_memory_file(begun.ends[0].value()));
    char start[9];
    CHECK(::pread(begun.ends[0].value(), start, sizeof start, 0) == 9);
    CHECK(std::string_view(start, 9) == std::string_view("spawn\0c1\0", 9));
    const auto refused = co_await refusal_of(
        w.door.start(s, {.id = "c2", .argv = {"echo", std::string(door::spawn_limit, 'x')}}));
    REQUIRE(refused);
    CHECK(refused->code() == errc::invalid_command);
  };
  behind_a_door(body);
}

TEST_CASE("why a command did not start is its end") {
  const auto body = [](door_world& w) -> task<> {
    const auto s = co_await w.make();
    auto init = co_await w.enter(s);
    const auto both = [&](nursery& side) -> task<> {
      const auto start = [](door_world& world, space_ptr where) -> task<> {
        const auto command = co_await world.door.start(where, {.id = "c1", .argv = {"x"}});
        CHECK((co_await command->read()).is_end());
        const auto end = co_await command->end();
        CHECK(end.failure_code == "no_such_user");
        CHECK(end.reason == "there is no user x");
        co_await command->close();
      };
      side.start(start(w, s));
      co_await init.hear();
      init.say("failed", "c1", "no_such_user", "2", "there is no user x");
    };
    co_await with_nursery(both);
  };
  behind_a_door(body);
}

TEST_CASE("a space that hands over something else than a terminal loses its door, and its command is ended") {
  for (const int kind : {0, 1, 2}) {
    const auto body = [kind](door_world& w) -> task<> {
      const auto s = co_await w.make();
      auto init = co_await w.enter(s);
      std::optional<error> refused;
      const auto both = [&](nursery& side) -> task<> {
        const auto start = [](door_world& world, space_ptr where, std::optional<error>& into) -> task<> {
          into = co_await refusal_of(world.door.start(where, {.id = "c1", .argv = {"x"}, .tty = true}));
        };
        side.start(start(w, s, refused));
        const auto heard = co_await init.hear();
        CHECK(has(heard.words, "--rows=24"));
        CHECK(heard.with.empty());
        door::descriptors with;
        if (kind == 0) with.emplace_back(::open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (kind == 1) with.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        init.say_raw(door::to_frame({"started", "c1", "7"}), with);
      };
      co_await with_nursery(both);
      REQUIRE(refused);
      CHECK(refused->code() == errc::engine_failed);
      CHECK((co_await init.hear()).text() == "end c1");
      CHECK((co_await init.hear()).words.empty());
    };
    behind_a_door(body);
  }
}

TEST_CASE("the end of a tree is certain only where init confirms it") {
  const auto body = [](door_world& w) -> task<> {
    const auto s = co_await w.make();
    auto init = co_await w.enter(s);
    for (const std::string sure : {"confirmed", "unconfirmed"}) {
      auto begun = co_await w.run(s, init, {.id = sure, .argv = {"x"}});
      const auto both = [&](nursery& side) -> task<> {
        const auto end = [](running_command& command, bool expected) -> task<> {
          CHECK((co_await command.end_tree()) == expected);
        };
        side.start(end(*begun.command, sure == "confirmed"));
        CHECK((co_await init.hear()).text() == "end " + sure);
        init.say("ended", sure, "signaled", "9", "oom=0", "gone=" + sure);
      };
      co_await with_nursery(both);
      CHECK((co_await begun.command->end()).tree_gone == (sure == "confirmed"));
    }
  };
  behind_a_door(body);
}

TEST_CASE("what a command left in the background is ended by its id") {
  const auto body = [](door_world& w) -> task<> {
    const auto s = co_await w.make();
    auto init = co_await w.enter(s);
    const auto both = [&](nursery& side) -> task<> {
      const auto end = [](door_world& world, space_ptr where) -> task<> {
        CHECK(co_await world.door.end_rest(where, "c9"));
      };
      side.start(end(w, s));
      CHECK((co_await init.hear()).text() == "end c9");
      init.say("gone", "c9", "confirmed");
    };
    co_await with_nursery(both);
    w.door.forget(s, "c9");
    CHECK((co_await init.hear()).text() == "forget c9");
  };
  behind_a_door(body);
}
