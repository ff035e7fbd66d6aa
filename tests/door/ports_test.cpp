#include <clawdspace/door/protocol.hpp>

#include <door/opened.hpp>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>

using namespace clawdspace;
using test::at_a_door;
using test::opened;

namespace {

constexpr const char* connect_frame = "connect net tcp 7f000001 8080";

task<test::scripted_init> enter(opened& at, std::string version = "2") {
  at.door->expect(::getpid());
  auto init = at.knock();
  init.say("hello", version, "life1");
  init.say("ready");
  co_await init.hear();
  co_return init;
}

task<door::door::connected> connect(opened& at) {
  co_return co_await at.door->connect_tcp(asio::ip::address_v4::loopback(), 8080);
}

task<> try_to_connect(opened& at, std::optional<error>& refusal) {
  try {
    co_await connect(at);
  } catch (const error& e) {
    refusal = e;
  }
}

/// What became of a connection whose answer is `words`, with these descriptors.
task<std::optional<error>> refusal_with(opened& at, std::string words, door::descriptors with) {
  auto init = co_await enter(at);
  std::optional<error> refusal;
  const auto both = [&](nursery& side) -> task<> {
    side.start(try_to_connect(at, refusal));
    auto heard = co_await init.hear();
    CHECK(heard.text() == connect_frame);
    REQUIRE(heard.with.size() == 1);
    REQUIRE(door::send_now(heard.with[0].value(), door::to_frame({words}), with));
  };
  co_await with_nursery(both);
  co_return refusal;
}

} // namespace

TEST_CASE("an init from before ports is told apart at once") {
  const auto body = [](opened& at) -> task<> {
    auto init = co_await enter(at, "1");
    const auto ask = [](opened& where) -> task<> { co_await where.door->listeners(true); };
    const auto refusal = co_await test::refusal_of(ask(at));
    REQUIRE(refusal);
    CHECK(refusal->code() == errc::door_too_old);
  };
  at_a_door(body);
}

TEST_CASE("why there is no connection comes back as a number") {
  const auto body = [](opened& at) -> task<> {
    auto init = co_await enter(at);
    std::optional<door::door::connected> answer;
    const auto ask = [&]() -> task<> { answer = co_await connect(at); };
    const auto both = [&](nursery& side) -> task<> {
      side.start(ask());
      auto heard = co_await init.hear();
      REQUIRE(door::send_now(heard.with.at(0).value(), door::to_frame({"refused", "111"}), {}));
    };
    co_await with_nursery(both);
    REQUIRE(answer);
    CHECK(!answer->socket);
    CHECK(answer->error_number == 111);
  };
  at_a_door(body);
}

TEST_CASE("what is handed over and is no connection is refused, and the space is not heard for a while") {
  const auto wrong = [](int kind) {
    door::descriptors with;
    int ends[2] = {-1, -1};
    if (kind == 0) REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    if (kind == 1) REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0); // for TCP
    if (kind == 2) ends[0] = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (kind == 3) ends[0] = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); // not connected
    if (kind == 4) ends[0] = ::open("/", O_RDONLY | O_CLOEXEC);
    if (kind <= 4) with.emplace_back(ends[0]);
    const unique_fd other(ends[1]);
    return with;
  };
  for (int kind = 0; kind <= 5; ++kind) {
    CAPTURE(kind);
    const auto body = [&](opened& at) -> task<> {
      const auto refusal = co_await refusal_with(at, "connected", wrong(kind));
      REQUIRE(refusal);
      CHECK(refusal->code() == errc::engine_failed);
      CHECK(!at.door->is_open());
    };
    at_a_door(body);
  }
}

TEST_CASE("a question whose answer is let go of is not waited for") {
  const auto body = [](opened& at) -> task<> {
    auto init = co_await enter(at);
    std::optional<error> refusal;
    const auto both = [&](nursery& side) -> task<> {
      side.start(try_to_connect(at, refusal));
      co_await init.hear(); // and closes what came with it
    };
    co_await with_nursery(both);
    REQUIRE(refusal);
    CHECK(refusal->code() == errc::overloaded);
  };
  at_a_door(body);
}

TEST_CASE("what listens is read without trust") {
  const auto frame = [](std::initializer_list<std::string_view> words) { return door::to_frame(words); };
  const auto six = door::read_listening(
      frame({"listens", "tcp", "00000000000000000000000000000001", "80", "5", "7", "9", "no\tde"}));
  REQUIRE(six);
  REQUIRE(*six);
  CHECK((*six)->address == "::1");
  CHECK((*six)->owner->name == "no?de");
  const auto path = door::read_listening(frame({"listens", "unix", "/run/x", "0", "0", "7", "0", ""}));
  REQUIRE(path);
  CHECK((*path)->path == "/run/x");
  const auto hidden = door::read_listening(frame({"listens", "unix", "/\xff", "0", "0", "7", "0", ""}));
  REQUIRE(hidden);
  CHECK(!*hidden);
  for (const auto& wrong : {frame({"listens"}), frame({"listens", "tcp", "7f000001", "0", "5", "7", "0", ""}),
                            frame({"listens", "tcp", "7f00000x", "1", "5", "7", "0", ""}),
                            frame({"listens", "tcp", "7f000001", "65536", "5", "7", "0", ""}),
                            frame({"listens", "sctp", "7f000001", "1", "5", "7", "0", ""}),
                            frame({"listens", "unix", "x", "0", "0", "7", "0", ""})})
    CHECK(!door::read_listening(wrong));
}
