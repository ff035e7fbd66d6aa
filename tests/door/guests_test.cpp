#include <asio/post.hpp>

#include <algorithm>
#include <door/opened.hpp>
#include <sys/stat.h>
#include <sys/wait.h>

using namespace clawdspace;
using namespace std::chrono_literals;
using test::at_a_door;
using test::opened;

TEST_CASE("the socket in a folder with a long path is whole, open to all, and takes a stale one's place") {
  const auto body = [](asio::io_context& loop) -> task<> {
    const test::folder here;
    const auto deep = here.path() / std::string(100, 'a') / std::string(100, 'b');
    std::filesystem::create_directories(deep);
    {
      door::listener stale(loop.get_executor(), deep);
    }
    struct stat before{};
    REQUIRE(::lstat((deep / "door").c_str(), &before) == 0); // it outlives its listener
    door::listener listening(loop.get_executor(), deep);
    struct stat seen{};
    REQUIRE(::lstat((deep / "door").c_str(), &seen) == 0);
    CHECK(S_ISSOCK(seen.st_mode));
    CHECK((seen.st_mode & 0777) == 0666);
    CHECK(seen.st_ino != before.st_ino);
    CHECK(listening.is_in_place());
    test::scripted_init guest(loop.get_executor(), deep);
    CHECK_FALSE(co_await listening.knock());
    const auto who = listening.accept();
    REQUIRE(who);
    CHECK(who->process == ::getpid());
    door::listener newer(loop.get_executor(), deep);
    CHECK_FALSE(listening.is_in_place());
    CHECK(newer.is_in_place());
    CHECK(std::distance(std::filesystem::directory_iterator(deep), {}) == 1);
  };
  test::run_coroutine(body);
}

TEST_CASE("the expected process is greeted, and then the door is open") {
  const auto body = [](opened& at) -> task<> {
    CHECK_FALSE(at.door->is_open());
    const auto init = co_await at.enter("abc");
    CHECK(at.door->is_open());
    CHECK(at.door->version() == 1);
    CHECK(at.door->life() == "abc");
  };
  at_a_door(body);
}

TEST_CASE("an init of a later version is told ours") {
  const auto body = [](opened& at) -> task<> {
    at.door->expect(::getpid());
    auto init = at.knock();
    init.say("hello", "9", "abc");
    init.say("ready");
    CHECK((co_await init.hear()).text() == "welcome 2");
  };
  at_a_door(body);
}

TEST_CASE("a connection that comes before its process is known waits, and is served then") {
  const auto body = [](opened& at) -> task<> {
    auto init = at.knock();
    init.say("hello", "1", "abc");
    init.say("ready");
    co_await at.until([&] { return at.door->has_guests(); });
    CHECK_FALSE(at.door->is_open());
    CHECK_FALSE(at.door->has_nameless_guest());
    at.door->expect(::getpid());
    CHECK((co_await init.hear()).text() == "welcome 1");
    CHECK_FALSE(at.door->has_guests());
  };
  at_a_door(body);
}

TEST_CASE("a connection of another process is closed when the right one is known") {
  const auto body = [](opened& at) -> task<> {
    auto stranger = at.knock();
    co_await at.until([&] { return at.door->has_guests(); });
    at.door->expect(::getppid());
    CHECK((co_await stranger.hear()).words.empty());
    CHECK_FALSE(at.door->is_open());
  };
  at_a_door(body);
}

TEST_CASE("of connections that nobody knows few wait, and not for long") {
  const auto body = [](opened& at) -> task<> {
    std::vector<test::scripted_init> crowd;
    for (int i = 0; i < 10; ++i) crowd.push_back(at.knock());
    CHECK((co_await crowd.back().hear()).words.empty()); // closed at once
    CHECK(at.door->has_guests());
    CHECK((co_await crowd.front().hear()).words.empty()); // closed when its time was over
    co_await at.until([&] { return !at.door->has_guests(); });
  };
  at_a_door(body);
}

TEST_CASE("who connects while the door is open and is not init is closed at once") {
  const auto body = [](opened& at) -> task<> {
    const auto init = co_await at.enter();
    const pid_t child = ::fork();
    if (child == 0) {
      unique_fd socket(::socket(AF_UNIX, SOCK_SEQPACKET, 0));
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      const auto path = (at.here.path() / "door").string();
      path.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
      if (::connect(socket.value(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) ::_exit(1);
      char byte = 0;
      ::_exit(::recv(socket.value(), &byte, 1, 0) == 0 ? 0 : 2);
    }
    int status = -1;
    co_await at.until([&] { return ::waitpid(child, &status, WNOHANG) == child; });
    CHECK(status == 0);
    CHECK(at.door->is_open());
  };
  at_a_door(body);
}

TEST_CASE("a new connection of the right process takes the old one's place") {
  const auto body = [](opened& at) -> task<> {
    auto old = co_await at.enter();
    auto fresh = co_await at.enter();
    CHECK((co_await old.hear()).words.empty());
    CHECK(at.door->is_open());
    fresh.say("news");
  };
  at_a_door(body);
}

TEST_CASE("an init that goes away is noticed, and can come back") {
  const auto body = [](opened& at) -> task<> {
    {
      auto init = co_await at.enter();
      init.close();
      co_await at.until([&] { return !at.door->is_open(); });
    }
    const auto init = co_await at.enter();
    CHECK(at.door->is_open());
  };
  at_a_door(body);
}

TEST_CASE("what an init does not do costs its connection, and it is not heard for a while") {
  const std::vector<std::vector<std::string>> greetings{
      {"ready"},
      {"hello 1 a", "hello 1 a"},
      {"hello 1 a", "started c1 4"},
      {"hello x a"},
      {"hello 1 a", "command c1 running 7 fds=oe"}, // without them
      {"hello 1 a", "ready", "hello 1 a"},
      {"hello 1 a", "ready", "ended c1 perhaps"},
      {"hello 1 a"}, // and nothing more
  };
  for (const auto& greeting : greetings) {
    CAPTURE(greeting.back());
    const auto body = [&](opened& at) -> task<> {
      at.door->expect(::getpid());
      auto init = at.knock();
      for (auto frame : greeting) {
        std::ranges::replace(frame, ' ', '\0');
        init.say_raw(frame + '\0');
      }
      auto heard = co_await init.hear();
      if (!heard.words.empty()) heard = co_await init.hear();
      CHECK(heard.words.empty());
      CHECK_FALSE(at.door->is_open());
      const auto from = std::chrono::steady_clock::now();
      const auto again = co_await at.enter();
      CHECK(std::chrono::steady_clock::now() - from > 50ms);
    };
    at_a_door(body);
  }
}

TEST_CASE("a space that floods its door loses it, and another space's works meanwhile") {
  const auto body = [](asio::io_context& loop) -> task<> {
    opened bad(loop);
    opened good(loop);
    auto flood = co_await bad.enter();
    auto fine = co_await good.enter();
    const auto frame = door::to_frame({"gone", "nothing", "confirmed"});
    bool closed = false;
    int answered = 0;
    for (int i = 0; i < 1000 && !closed; ++i) {
      for (int n = 0; n < 200 && !closed; ++n)
        closed = !door::send_now(flood.fd(), frame, {}) && errno != EAGAIN;
      const auto what = good.door->follow("c" + std::to_string(i));
      good.door->forget(what->id);
      CHECK((co_await fine.hear()).words.front() == "forget");
      ++answered;
      co_await asio::post(loop, asio::use_awaitable);
    }
    CHECK(closed);
    CHECK(answered > 10);
    CHECK_FALSE(bad.door->is_open());
    CHECK(good.door->is_open());
    co_await bad.door->close();
    co_await good.door->close();
  };
  test::run_coroutine(body);
}

TEST_CASE("a folder whose socket was taken away gets a new one") {
  const auto body = [](opened& at) -> task<> {
    std::filesystem::remove(at.here.path() / "door");
    at.door->listen();
    const auto init = co_await at.enter();
    CHECK(at.door->is_open());
  };
  at_a_door(body);
}
