#include <clawdspace/core/event.hpp>
#include <clawdspace/core/nursery.hpp>
#include <clawdspace/core/unique_fd.hpp>
#include <clawdspace/engine/client.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <support/run_coroutine.hpp>
#include <support/scripted_peer.hpp>
#include <sys/socket.h>
#include <sys/un.h>
#include <vector>

// The client against a peer that misbehaves.

using namespace clawdspace;
using namespace clawdspace::engine;
using namespace std::chrono_literals;
using test::http_answer;
using test::scripted_peer;

namespace {

constexpr const char* nothing_there = R"({"message":"No such container: x"})";
constexpr const char* an_image = R"({"Id":"sha256:1"})";

/// Runs `script(peer)` beside `body(client, peer)`, both named coroutine lambdas; the script is cancelled
/// when the body is through, and its failure is the test's.
template <class Script, class Body> void with_peer(Script script, Body body, client_settings settings = {}) {
  const auto run = [&](asio::io_context& loop) -> task<> {
    scripted_peer peer(loop.get_executor());
    client docker(loop.get_executor(), {.socket_path = peer.path()}, settings);
    const auto both = [&](nursery& children) -> task<> {
      children.start(script(peer));
      co_await body(docker, peer);
      children.cancel();
    };
    co_await with_nursery(both);
  };
  test::run_coroutine(run, 20s);
}

struct failed {
  errc code = errc::internal;
  int status = 0; ///< of an engine_error
  std::string what;
};

template <class Call> task<std::optional<failed>> failure_of(Call call) {
  try {
    co_await call();
  } catch (const engine_error& e) {
    co_return failed{e.code(), e.status(), e.what()};
  } catch (const error& e) {
    co_return failed{e.code(), 0, e.what()};
  }
  co_return std::nullopt;
}

/// The failure of a call that inspects an image, from a peer that says `answer` to it and closes.
failed failure_after(std::string answer, client_settings settings = {}) {
  failed got;
  const auto script = [&](scripted_peer& peer) -> task<> {
    auto link = co_await peer.accept();
    co_await link.request();
    co_await link.say(answer);
  };
  const auto body = [&](client& docker, scripted_peer&) -> task<> {
    const auto call = [&]() -> task<> { co_await docker.inspect_image("x"); };
    got = (co_await failure_of(call)).value_or(failed{});
  };
  with_peer(script, body, settings);
  return got;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string frame(char stream, std::string_view payload) {
  return std::string{stream,
                     0,
                     0,
                     0,
                     0,
                     0,
                     static_cast<char>(payload.size() >> 8),
                     static_cast<char>(payload.size())} +
         std::string(payload);
}

std::string text_of(std::span<const std::byte> data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

} // namespace

TEST_CASE("fault: an answer may come in any pieces, chunked, after an interim one") {
  const auto script = [](scripted_peer& peer) -> task<> {
    auto link = co_await peer.accept();
    for (const std::size_t piece : {1, 2, 1000}) {
      co_await link.request();
      co_await link.say_in_pieces(
          "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
          "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
          "4;ext=1\r\n{\"Id\r\n11\r\n\":\"sha256:chunked\r\n2\r\n\"}\r\n0\r\nTrailer: x\r\n\r\n",
          piece);
    }
  };
  const auto body = [](client& docker, scripted_peer& peer) -> task<> {
    for (int i = 0; i < 3; ++i) CHECK((co_await docker.inspect_image("x")).id == "sha256:chunked");
    CHECK(peer.accepted() == 1);
  };
  with_peer(script, body);
}

TEST_CASE("fault: a connection that died while it was idle costs its call nothing") {
  const auto script = [](scripted_peer& peer) -> task<> {
    for (int i = 0; i < 3; ++i) {
      auto link = co_await peer.accept();
      co_await link.request();
      co_await link.say(http_answer(201, R"({"Id":"made"})"));
    }
  };
  const auto body = [](client& docker, scripted_peer& peer) -> task<> {
    for (int i = 0; i < 3; ++i) CHECK(co_await docker.create_container("n", {.image = "x"}) == "made");
    CHECK(peer.accepted() == 3);
  };
  with_peer(script, body);
}

TEST_CASE(
    "fault: a reused connection that ends instead of answering is replaced once, if nothing is done twice") {
  std::vector<std::string> seen;
  const auto script = [&](scripted_peer& peer) -> task<> {
    for (;;) {
      auto link = co_await peer.accept();
      co_await link.request();
      co_await link.say(http_answer(200, an_image));
      const auto second = co_await link.request();
      seen.push_back(second.substr(0, second.find(' ')));
    }
  };
  const auto body = [&](client& docker, scripted_peer& peer) -> task<> {
    co_await docker.inspect_image("x");
    CHECK((co_await docker.inspect_image("x")).id ==
          "sha256:1"); // its first connection is closed, its second answers
    CHECK(peer.accepted() == 2);
    const auto create = [&]() -> task<> { co_await docker.create_container("n", {.image = "x"}); };
    const auto got = co_await failure_of(create);
    REQUIRE(got);
    CHECK(got->code == errc::engine_unavailable);
    CHECK(peer.accepted() == 2);
    CHECK(seen == std::vector<std::string>{"GET", "POST"});
  };
  with_peer(script, body);
}

TEST_CASE("fault: a new connection that ends is not tried again") {
  const auto script = [](scripted_peer& peer) -> task<> {
    for (;;) {
      auto link = co_await peer.accept();
      co_await link.request();
    }
  };
  const auto body = [](client& docker, scripted_peer& peer) -> task<> {
    const auto call = [&]() -> task<> { co_await docker.ping(); };
    const auto got = co_await failure_of(call);
    REQUIRE(got);
    CHECK(got->code == errc::engine_unavailable);
    CHECK(contains(got->what, peer.path()));
    CHECK(peer.accepted() == 1);
  };
  with_peer(script, body);
}

TEST_CASE("fault: half an answer is an Engine that went away, and none of it is believed") {
  CHECK(failure_after("").code == errc::engine_unavailable);
  CHECK(failure_after("HTTP/1.1 20").code == errc::engine_unavailable);
  CHECK(failure_after("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"Id\":\"sha256:1\"}").code ==
        errc::engine_unavailable);
  CHECK(failure_after("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n{\"Id\":\"sha256:1\"}\r\n")
            .code == errc::engine_unavailable);
}

TEST_CASE("fault: what is no HTTP, no JSON or no end of an answer is the Engine's failure, in words") {
  auto got = failure_after("SSH-2.0-OpenSSH_9.2p1\r\n");
  CHECK(got.code == errc::engine_failed);
  CHECK(contains(got.what, "does not speak HTTP"));
  got = failure_after("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n{}");
  CHECK(got.code == errc::engine_failed);
  got = failure_after(http_answer(200, "<html>hello</html>"));
  CHECK(got.code == errc::engine_failed);
  CHECK(contains(got.what, "not JSON"));
  got = failure_after("HTTP/1.1 200 OK\r\n\r\n" + std::string((64U << 20) + 1, 'x'));
  CHECK(got.code == errc::engine_failed);
  CHECK(contains(got.what, "64 MiB"));
  got = failure_after("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n");
  CHECK(got.code == errc::engine_failed);
}

TEST_CASE("fault: what the Engine refuses keeps its status and its words, JSON or not") {
  auto got = failure_after(http_answer(404, nothing_there));
  CHECK(got.status == 404);
  CHECK(contains(got.what, "No such container: x"));
  CHECK(contains(got.what, "GET /images/x/json"));
  got = failure_after(http_answer(500, "stack overflow at 0x0\n"));
  CHECK(got.status == 500);
  CHECK(contains(got.what, "stack overflow at 0x0"));
  CHECK(failure_after("HTTP/1.1 503 Busy\r\n\r\ntry later").status == 503); // ends with the connection
  CHECK(failure_after("HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n").status == 301);
}

TEST_CASE("fault: silence ends with the deadline, and its connection is never used again") {
  bool closed = false;
  const auto script = [&](scripted_peer& peer) -> task<> {
    auto silent = co_await peer.accept();
    co_await silent.request();
    co_await silent.say("HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"Id\":");
    co_await silent.until_closed();
    closed = true;
    auto next = co_await peer.accept();
    co_await next.request();
    co_await next.say(http_answer(200, an_image));
    co_await next.until_closed();
  };
  const auto body = [&](client& docker, scripted_peer& peer) -> task<> {
    const auto call = [&]() -> task<> { co_await docker.inspect_image("x"); };
    const auto start = std::chrono::steady_clock::now();
    const auto got = co_await failure_of(call);
    REQUIRE(got);
    CHECK(got->code == errc::engine_timed_out);
    CHECK(contains(got->what, "GET /images/x/json"));
    CHECK(std::chrono::steady_clock::now() - start < 1s);
    CHECK((co_await docker.inspect_image("x")).id == "sha256:1");
    CHECK(closed);
    CHECK(peer.accepted() == 2);
  };
  with_peer(script, body, {.call_time = 100ms});
}

TEST_CASE("fault: a call that is cancelled closes its connection") {
  bool closed = false;
  const auto script = [&](scripted_peer& peer) -> task<> {
    auto link = co_await peer.accept();
    co_await link.request();
    co_await link.until_closed();
    closed = true;
    auto next = co_await peer.accept();
    co_await next.request();
    co_await next.say(http_answer(200, "OK"));
    co_await next.until_closed();
  };
  const auto body = [&](client& docker, scripted_peer&) -> task<> {
    bool cancelled = false;
    const auto call = [&]() -> task<> {
      try {
        co_await docker.inspect_image("x");
      } catch (const std::system_error& e) {
        cancelled = e.code() == asio::error::operation_aborted;
        throw;
      }
    };
    const auto start_and_cancel = [&](nursery& children) -> task<> {
      children.start(call());
      asio::steady_timer pause(co_await asio::this_coro::executor, 20ms);
      co_await pause.async_wait(asio::use_awaitable);
      children.cancel();
    };
    co_await with_nursery(start_and_cancel);
    CHECK(cancelled);
    co_await docker.ping();
    CHECK(closed);
  };
  with_peer(script, body);
}

TEST_CASE("fault: an Engine that is not there is told at once, with its address and why") {
  const auto run = [](asio::io_context& loop) -> task<> {
    scripted_peer peer(loop.get_executor());
    std::string left_behind = peer.path() + "2";
    unique_fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    left_behind.copy(name.sun_path, sizeof name.sun_path - 1);
    REQUIRE(::bind(listener.value(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
    const struct {
      endpoint where;
      const char* why;
    } cases[] = {
        {{.socket_path = "/nowhere/docker.sock"}, "No such file or directory"},
        {{.socket_path = left_behind}, "Connection refused"}, // bound, and nobody listens
        {{.host = "127.0.0.1", .port = 1}, "Connection refused"},
        {{.host = "localhost", .port = 1}, "Connection refused"},
    };
    for (const auto& c : cases) {
      client docker(loop.get_executor(), c.where);
      const auto call = [&]() -> task<> { co_await docker.ping(); };
      const auto start = std::chrono::steady_clock::now();
      const auto got = co_await failure_of(call);
      REQUIRE(got);
      CHECK(got->code == errc::engine_unavailable);
      CHECK(contains(got->what, c.where.to_string()));
      CHECK(contains(got->what, c.why));
      CHECK(std::chrono::steady_clock::now() - start < 500ms);
    }
    ::unlink(left_behind.c_str());
  };
  test::run_coroutine(run);
}

TEST_CASE("fault: an Engine whose queue is full is waited for, as long as a connection may take") {
  const auto run = [](asio::io_context& loop) -> task<> {
    scripted_peer peer(loop.get_executor()); // for its folder
    std::string path = peer.path() + "3";
    unique_fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path.copy(name.sun_path, sizeof name.sun_path - 1);
    const auto* address = reinterpret_cast<const sockaddr*>(&name);
    REQUIRE(::bind(listener.value(), address, sizeof name) == 0);
    REQUIRE(::listen(listener.value(), 0) == 0);
    std::vector<unique_fd> waiting;
    for (;;) {
      waiting.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      if (::connect(waiting.back().value(), address, sizeof name) != 0) break;
    }
    client docker(loop.get_executor(), {.socket_path = path}, {.connect_time = 100ms});
    const auto call = [&]() -> task<> { co_await docker.ping(); };
    const auto got = co_await failure_of(call);
    REQUIRE(got);
    CHECK(got->code == errc::engine_unavailable);
    CHECK(contains(got->what, "100 ms"));

    const auto body = [&](nursery& children) -> task<> {
      children.start(docker.ping());
      asio::steady_timer pause(co_await asio::this_coro::executor, 30ms);
      co_await pause.async_wait(asio::use_awaitable);
      waiting.clear();
      for (;;) { // those before it in the queue have left
        unique_fd one(::accept4(listener.value(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        char request[4096];
        if (one && ::recv(one.value(), request, sizeof request, 0) != 0) {
          asio::local::stream_protocol::socket link(loop, asio::local::stream_protocol(), one.release());
          co_await asio::async_write(link, asio::buffer(http_answer(200, "OK")), asio::use_awaitable);
          co_await children.join();
          co_return;
        }
        co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
      }
    };
    co_await with_nursery(body);
    ::unlink(path.c_str());
  };
  test::run_coroutine(run);
}

TEST_CASE("fault: the version that is agreed on stands before every later call") {
  const struct {
    const char* newest;
    const char* oldest;
    const char* prefix; ///< empty: none can be agreed on
  } cases[] = {
      {"1.41", "1.12", "/v1.41/"}, {"1.52", "1.44", "/v1.47/"}, {"1.39", "1.12", ""}, {"1.60", "1.48", ""}};
  for (const auto& c : cases) {
    CAPTURE(c.newest);
    const auto script = [&](scripted_peer& peer) -> task<> {
      auto link = co_await peer.accept();
      CHECK((co_await link.request()).starts_with("GET /_ping HTTP/1.1\r\n"));
      co_await link.say(http_answer(200, "OK"));
      CHECK((co_await link.request()).starts_with("GET /version HTTP/1.1\r\n"));
      co_await link.say(
          http_answer(200, fmt::format(R"({{"Version":"29.0.0","ApiVersion":"{}","MinAPIVersion":"{}"}})",
                                       c.newest, c.oldest)));
      const auto third = co_await link.request();
      CHECK(third.starts_with(fmt::format("GET {}info HTTP/1.1\r\n", *c.prefix == 0 ? "/v1.40/" : c.prefix)));
      co_await link.say(http_answer(200, "{}"));
      co_await link.until_closed();
    };
    const auto body = [&](client& docker, scripted_peer&) -> task<> {
      std::string agreed;
      const auto call = [&]() -> task<> { agreed = (co_await docker.negotiate()).negotiated; };
      const auto got = co_await failure_of(call);
      CHECK(got.has_value() == (*c.prefix == 0));
      if (got) {
        CHECK(got->code == errc::engine_failed);
        CHECK(contains(got->what, c.newest));
        CHECK(contains(got->what, "1.47"));
      } else {
        CHECK(fmt::format("/v{}/", agreed) == c.prefix);
      }
      co_await docker.get_info();
      CHECK(docker.calls() == 3);
    };
    with_peer(script, body);
  }
}

TEST_CASE("fault: so many calls at once, the others in their order; who is cancelled leaves the queue") {
  std::string order;
  int inside = 0;
  int most = 0;
  const auto script = [&](scripted_peer& peer) -> task<> {
    const auto serve = [&](scripted_peer::link link) -> task<> {
      for (;;) {
        const auto request = co_await link.request();
        if (request.empty()) co_return;
        order += request.at(request.find("/images/") + 8);
        most = std::max(most, ++inside);
        asio::steady_timer work(co_await asio::this_coro::executor, 10ms);
        co_await work.async_wait(asio::use_awaitable);
        --inside;
        co_await link.say(http_answer(200, an_image));
      }
    };
    const auto body = [&](nursery& links) -> task<> {
      for (;;) links.start(serve(co_await peer.accept()));
    };
    co_await with_nursery(body);
  };
  const auto body = [&](client& docker, scripted_peer& peer) -> task<> {
    const auto ask = [&](std::string name) -> task<> { co_await docker.inspect_image(name); };
    const auto give_up = [&](std::string name) -> task<> {
      bool late = false;
      try {
        co_await with_deadline(2ms, docker.inspect_image(name));
      } catch (const std::system_error& e) {
        late = is_timeout(e);
      }
      CHECK(late);
    };
    const auto all = [&](nursery& children) -> task<> {
      for (const auto* name : {"a", "b", "c"}) children.start(ask(name));
      children.start(give_up("x"));
      for (const auto* name : {"d", "e", "f"}) children.start(ask(name));
      co_await children.join();
    };
    co_await with_nursery(all);
    CHECK(most == 2);
    for (auto pair = order.begin(); order.end() - pair >= 2; pair += 2)
      std::sort(pair, pair + 2); // two at once
    CHECK(order == "abcdef");
    CHECK(peer.accepted() == 2);
  };
  with_peer(script, body, {.connections = 2});
}

TEST_CASE("fault: only so many connections stay open, and none that is not clean") {
  int closed = 0;
  const auto script = [&](scripted_peer& peer) -> task<> {
    const auto serve = [&](scripted_peer::link link, std::string answer) -> task<> {
      while (!(co_await link.request()).empty()) co_await link.say(answer);
      ++closed;
    };
    const auto body = [&](nursery& links) -> task<> {
      const auto good = http_answer(200, an_image);
      for (int i = 0; i < 3; ++i) links.start(serve(co_await peer.accept(), good));
      // To the fourth and later: closes, as it says; says more than was asked for.
      links.start(serve(co_await peer.accept(), http_answer(200, an_image, "Connection: close\r\n")));
      links.start(serve(co_await peer.accept(), good + "HTTP/1.1 200 OK\r\n"));
      links.start(serve(co_await peer.accept(), good));
      co_await links.join();
    };
    co_await with_nursery(body);
  };
  const auto body = [&](client& docker, scripted_peer& peer) -> task<> {
    const auto ask = [&]() -> task<> { co_await docker.inspect_image("x"); };
    const auto some = [&](nursery& children) -> task<> {
      for (int i = 0; i < 3; ++i) children.start(ask());
      co_await children.join();
    };
    co_await with_nursery(some);
    CHECK(peer.accepted() == 3);
    const auto settle = [&](int wanted) -> task<> {
      while (closed < wanted) co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    };
    co_await settle(2);
    co_await ask(); // on the one that was kept
    CHECK(peer.accepted() == 3);
    // Two at once: the second needs a connection of its own, which says that it closes.
    const auto two = [&](nursery& children) -> task<> {
      children.start(ask());
      children.start(ask());
      co_await children.join();
    };
    co_await with_nursery(two);
    CHECK(peer.accepted() == 4);
    co_await settle(3);
    co_await with_nursery(two);
    CHECK(peer.accepted() == 5);
    co_await settle(4);
    co_await ask();
    CHECK(peer.accepted() == 5);
  };
  with_peer(script, body, {.idle_connections = 1});
}

TEST_CASE("fault: a removal that is in progress already is waited for until the container is gone") {
  const auto script = [](scripted_peer& peer) -> task<> {
    auto link = co_await peer.accept();
    CHECK((co_await link.request()).starts_with("DELETE /v1.40/containers/x?force=1&v=1 HTTP/1.1\r\n"));
    co_await link.say(http_answer(409, R"({"message":"removal of container x is already in progress"})"));
    for (int i = 0; i < 3; ++i) {
      CHECK((co_await link.request()).starts_with("GET /v1.40/containers/x/json "));
      co_await link.say(i < 2 ? http_answer(200, "{}") : http_answer(404, nothing_there));
    }
    co_await link.request();
    co_await link.say(http_answer(409, R"({"message":"You cannot remove a paused container"})"));
    co_await link.request();
    co_await link.say(http_answer(409, R"({"message":"removal of container x is already in progress"})"));
    while (!(co_await link.request()).empty()) co_await link.say(http_answer(200, "{}"));
  };
  const auto body = [](client& docker, scripted_peer&) -> task<> {
    co_await docker.remove_container("x");
    const auto remove = [&]() -> task<> { co_await docker.remove_container("x"); };
    auto got = co_await failure_of(remove);
    REQUIRE(got);
    CHECK(got->status == 409);
    got = co_await failure_of(remove); // for ever in progress
    REQUIRE(got);
    CHECK(got->code == errc::engine_timed_out);
  };
  with_peer(script, body, {.slow_call_time = 200ms});
}

TEST_CASE("fault: an answer without a body is an answer, and the grace of a stop is in whole seconds") {
  const auto script = [](scripted_peer& peer) -> task<> {
    auto link = co_await peer.accept();
    CHECK((co_await link.request()).starts_with("POST /v1.40/containers/x/stop?t=2 HTTP/1.1\r\n"));
    co_await link.say("HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n");
    const auto start = co_await link.request();
    CHECK(contains(start, "\r\nContent-Length: 0\r\n"));
    co_await link.say("HTTP/1.1 204 No Content\r\n\r\n");
    co_await link.until_closed();
  };
  const auto body = [](client& docker, scripted_peer& peer) -> task<> {
    co_await docker.stop_container("x", 1001ms);
    co_await docker.start_container("x");
    CHECK(peer.accepted() == 1);
  };
  with_peer(script, body);
}

TEST_CASE("fault: a command's stream begins right behind the head of the answer, 101 or 200") {
  const char* const heads[] = {
      "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: "
      "Upgrade\r\nUpgrade: "
      "tcp\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\n\r\n",
  };
  for (const auto* head : heads)
    for (const std::size_t piece : {1, 1000}) {
      const auto script = [&](scripted_peer& peer) -> task<> {
        auto link = co_await peer.accept();
        const auto request = co_await link.request();
        CHECK(contains(request, "\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"));
        CHECK(request.ends_with(R"({"Detach":false,"Tty":false})"));
        co_await link.say_in_pieces(head + frame(1, "out") + frame(2, "err") + frame(1, ""), piece);
        CHECK(co_await link.receive_exactly(100) == "input"); // and then its end
        co_await link.say(frame(1, "bye"));
      };
      const auto body = [](client& docker, scripted_peer&) -> task<> {
        const auto stream = co_await docker.start_exec("x", false);
        std::string out;
        std::string err;
        while (out.size() + err.size() < 6) {
          const auto got = co_await stream->read();
          (got.from == exec_stream::channel::stderr_ ? err : out) += text_of(got.data);
        }
        CHECK(out == "out");
        CHECK(err == "err");
        co_await stream->write(std::as_bytes(std::span(std::string_view("input"))));
        stream->close_input();
        CHECK(text_of((co_await stream->read()).data) == "bye");
        CHECK((co_await stream->read()).data.empty());
        CHECK((co_await stream->read()).data.empty());
      };
      with_peer(script, body);
    }
}

TEST_CASE("fault: a command's stream that breaks says so, and one that is refused is the Engine's error") {
  const std::string head = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
  const struct {
    std::string text;
    const char* why;
  } cases[] = {
      {frame(1, "a") + frame(1, "bc").substr(0, 9), "within a frame"},
      {frame(1, "a") + "plain terminal bytes", "broken frame"},
      {frame(1, "a") + frame(3, "the shim died"), "the shim died"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.why);
    const auto script = [&](scripted_peer& peer) -> task<> {
      auto link = co_await peer.accept();
      co_await link.request();
      co_await link.say(head + c.text);
    };
    const auto body = [&](client& docker, scripted_peer&) -> task<> {
      const auto stream = co_await docker.start_exec("x", false);
      const auto call = [&]() -> task<> {
        while (!(co_await stream->read()).data.empty()) {
        }
      };
      const auto got = co_await failure_of(call);
      REQUIRE(got);
      CHECK(got->code == errc::engine_failed);
      CHECK(contains(got->what, c.why));
    };
    with_peer(script, body);
  }
  const auto script = [](scripted_peer& peer) -> task<> {
    auto link = co_await peer.accept();
    co_await link.request();
    co_await link.say(http_answer(409, R"({"message":"Container x is paused"})"));
    auto reset = co_await peer.accept();
    co_await reset.request();
    co_await reset.say("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    co_await reset.receive_exactly(1);
  };
  const auto body = [](client& docker, scripted_peer&) -> task<> {
    const auto start = [&]() -> task<> { co_await docker.start_exec("x", false); };
    const auto refused = co_await failure_of(start);
    REQUIRE(refused);
    CHECK(refused->status == 409);
    CHECK(contains(refused->what, "Container x is paused"));
    const auto stream = co_await docker.start_exec("x", true);
    const auto flood = [&]() -> task<> {
      const std::vector<std::byte> block(1 << 20);
      for (;;) co_await stream->write(block);
    };
    const auto broke = co_await failure_of(flood);
    REQUIRE(broke);
    CHECK(broke->code == errc::engine_failed);
  };
  with_peer(script, body);
}

TEST_CASE("fault: a read that is cancelled while nothing came loses nothing that comes later") {
  const auto script = [](scripted_peer& peer) -> task<> {
    auto link = co_await peer.accept();
    co_await link.request();
    co_await link.say("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    co_await link.receive_exactly(1);
    co_await link.say("late");
    co_await link.until_closed();
  };
  const auto body = [](client& docker, scripted_peer&) -> task<> {
    const auto stream = co_await docker.start_exec("x", true);
    bool late = false;
    try {
      co_await with_deadline(5ms, stream->read());
    } catch (const std::system_error& e) {
      late = is_timeout(e);
    }
    CHECK(late);
    co_await stream->write(std::as_bytes(std::span("x", 1)));
    CHECK(text_of((co_await stream->read()).data) == "late");
  };
  with_peer(script, body);
}

TEST_CASE("fault: events come while they come, and the end of their stream is told") {
  const std::string event = R"({"Type":"container","Action":"start","Actor":{"ID":"x"},"timeNano":7})";
  const auto chunk = [](const std::string& text) { return fmt::format("{:x}\r\n{}\r\n", text.size(), text); };
  const std::string ends[] = {"0\r\n\r\n", "", chunk(event).substr(0, 20)};
  for (const auto& end : ends) {
    const auto script = [&](scripted_peer& peer) -> task<> {
      auto link = co_await peer.accept();
      const auto request = co_await link.request();
      CHECK(contains(request, "GET /v1.40/events?filters="));
      CHECK(contains(request, "&since=1.500000000 HTTP/1.1\r\n"));
      CHECK(contains(request, "%22label%22:%5B%22a%3D%5C%22b%22%5D"));
      co_await link.say_in_pieces("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                                      chunk(event.substr(0, 30)) +
                                      chunk(event.substr(30) + "\n" + event + "\n") + end,
                                  3);
    };
    const auto body = [](client& docker, scripted_peer&) -> task<> {
      const auto events = co_await docker.follow_events("a=\"b", time_point(1500ms));
      for (int i = 0; i < 2; ++i) {
        const auto one = co_await events->next();
        CHECK(one.action == "start");
        CHECK(one.time_ns == 7);
      }
      const auto next = [&]() -> task<> { co_await events->next(); };
      const auto got = co_await failure_of(next);
      REQUIRE(got);
      CHECK(got->code == errc::engine_unavailable);
    };
    with_peer(script, body);
  }
}

TEST_CASE("fault: who follows events from now on misses none that comes before the Engine listens") {
  const auto seconds_now = [] {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  const auto script = [&](scripted_peer& peer) -> task<> {
    auto link = co_await peer.accept();
    const auto request = co_await link.request();
    const auto at = request.find("&since=");
    REQUIRE(at != std::string::npos);
    CHECK(std::abs(std::stoll(request.substr(at + 7)) - seconds_now()) <= 1);
    co_await link.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    co_await link.until_closed();
  };
  const auto body = [](client& docker, scripted_peer&) -> task<> {
    co_await docker.follow_events("a", std::nullopt);
  };
  with_peer(script, body);
}

namespace {

class endless_zeros final : public byte_source {
 public:
  task<std::size_t> read_some(std::span<std::byte> into) override {
    std::fill(into.begin(), into.end(), std::byte{});
    co_return into.size();
  }
};

class text_source final : public byte_source {
 public:
  explicit text_source(std::string text) : text_(std::move(text)) {}
  task<std::size_t> read_some(std::span<std::byte> into) override {
    const auto size = std::min({into.size(), text_.size(), std::size_t{5}});
    std::copy_n(std::as_bytes(std::span(text_)).begin(), size, into.begin());
    text_.erase(0, size);
    co_return size;
  }

 private:
  std::string text_;
};

} // namespace

TEST_CASE("fault: an archive goes up in chunks, and a refusal ends it also in the middle") {
  const auto script = [](scripted_peer& peer) -> task<> {
    auto link = co_await peer.accept();
    const auto request = co_await link.request();
    CHECK(request.starts_with("PUT /v1.40/containers/x/archive?path=/a%20b HTTP/1.1\r\n"));
    CHECK(contains(request, "\r\nContent-Type: application/x-tar\r\n"));
    CHECK(request.ends_with("\r\n\r\n5\r\nhello\r\n5\r\n, wor\r\n2\r\nld\r\n0\r\n\r\n"));
    co_await link.say(http_answer(200, ""));

    auto refusing = co_await peer.accept(); // and does not read on
    co_await refusing.receive_exactly(100);
    co_await refusing.say(http_answer(404, nothing_there));
    auto closing = co_await peer.accept();
    co_await closing.receive_exactly(100'000);
    co_await closing.say(http_answer(500, "no space left"));
    closing.close();
    auto silent = co_await peer.accept();
    co_await silent.receive_exactly(1);
    auto gone = co_await peer.accept();
    co_await gone.receive_exactly(1);
    gone.close();
    auto last = co_await peer.accept();
    co_await last.until_closed();
  };
  const auto body = [](client& docker, scripted_peer&) -> task<> {
    text_source text("hello, world");
    co_await docker.put_archive("x", "/a b", text);
    endless_zeros zeros;
    const auto put = [&]() -> task<> { co_await docker.put_archive("x", "/", zeros); };
    CHECK((co_await failure_of(put)).value().status == 404);
    const auto broken = (co_await failure_of(put)).value();
    CHECK(broken.status == 500);
    CHECK(contains(broken.what, "no space left"));
    CHECK((co_await failure_of(put)).value().code == errc::engine_timed_out);
    CHECK((co_await failure_of(put)).value().code == errc::engine_unavailable);
  };
  with_peer(script, body, {.call_time = 200ms, .slow_call_time = 200ms});
}

TEST_CASE("fault: an archive that is cut while it comes down is not taken for a whole one") {
  const auto script = [](scripted_peer& peer) -> task<> {
    auto link = co_await peer.accept();
    co_await link.request();
    co_await link.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\n, wo");
  };
  const auto body = [](client& docker, scripted_peer&) -> task<> {
    const auto tar = co_await docker.get_archive("x", "/");
    std::string got;
    const auto read = [&]() -> task<> {
      std::byte piece[3];
      while (const auto size = co_await tar->read_some(piece)) got += text_of(std::span(piece).first(size));
    };
    CHECK((co_await failure_of(read)).value().code == errc::engine_unavailable);
    CHECK(got == "hello, wo");
  };
  with_peer(script, body);
}
