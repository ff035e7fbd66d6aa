#include "raw_client.hpp"
#include "served.hpp"

#include <doctest/doctest.h>

#include <support/run_coroutine.hpp>
#include <thread>

using namespace clawdspace;
using namespace std::chrono_literals;
using test::control;
using test::raw_client;
using test::with_server;

namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

constexpr std::string_view hello = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";

} // namespace

TEST_CASE("a server that stops closes idle connections at once and takes no new ones") {
  with_server({}, [](const control& server) {
    raw_client idle(server.port);
    CHECK(idle.send(hello).receive_answer().status == 200);
    raw_client fresh(server.port);
    test::eventually([&] { return server.connections() == 2; });
    server.stop();
    CHECK(idle.receive_all().empty());
    CHECK(fresh.receive_all().empty());
    CHECK_THROWS_AS(raw_client(server.port), std::system_error);
  });
}

TEST_CASE("a request that runs when the server stops gets its time, and its answer ends the connection") {
  const auto notes = with_server({}, [](const control& server) {
    raw_client streaming(server.port);
    streaming.send("GET /pause HTTP/1.1\r\nHost: h\r\n\r\n").receive_to("begun\n");
    raw_client reading(server.port);
    reading.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n");
    raw_client in_head(server.port);
    in_head.send("GET /hello HTTP/1.1\r\nHo");
    test::eventually([&] { return server.connections() == 3; });
    std::this_thread::sleep_for(50ms); // for the loop to have read what was sent
    server.stop();
    CHECK(streaming.receive_all() == "\r\n0\r\n\r\n");
    const auto a = reading.send("body").receive_answer();
    CHECK(a.body == "body");
    CHECK(has(a.head, "Connection: close\r\n"));
    const auto b = in_head.send("st: h\r\n\r\n").receive_answer();
    CHECK(b.status == 200);
    CHECK(has(b.head, "Connection: close\r\n"));
  });
  CHECK(notes.requests.size() == 3);
}

TEST_CASE("requests that outlast the drain are cancelled: told so, or cut where their answer has begun") {
  const auto notes = with_server({.drain = 100ms}, [](const control& server) {
    raw_client waiting(server.port);
    waiting.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    raw_client streaming(server.port);
    streaming.send("GET /stream-then-wait HTTP/1.1\r\nHost: h\r\n\r\n").receive_to("begun\n\r\n");
    test::eventually([&] { return server.connections() == 2; });
    server.stop();
    const auto a = waiting.receive_answer();
    CHECK(a.status == 503);
    CHECK(has(a.head, "Connection: close\r\n"));
    CHECK(streaming.receive_all().empty()); // no last chunk
  });
  CHECK(notes.cancelled == 2);
  CHECK(notes.requests.size() == 2);
}

TEST_CASE("a second stop cancels at once") {
  const auto begun = std::chrono::steady_clock::now();
  const auto notes = with_server({.drain = 60s}, [](const control& server) {
    raw_client waiting(server.port);
    waiting.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    test::eventually([&] { return server.connections() == 1; });
    std::this_thread::sleep_for(20ms);
    server.stop();
    server.stop();
    CHECK(waiting.receive_answer().status == 503);
  });
  CHECK(notes.cancelled == 1);
  CHECK(std::chrono::steady_clock::now() - begun < 10s);
}

TEST_CASE("a server whose run is cancelled ends its connections before it returns") {
  test::run_coroutine([](asio::io_context& loop) -> task<> {
    http::server cancelled(loop.get_executor(), {},
                           {.handle = [](http::exchange& x) { return x.wait_departure(); },
                            .problem =
                                [](const std::exception_ptr&, const http::request_head*) {
                                  return http::response{.status = 500, .headers = {}, .body = {}};
                                },
                            .done = [](const http::exchange&, int, std::chrono::microseconds) {}});
    const auto where = cancelled.listen({asio::ip::address_v4::loopback(), 0});
    raw_client waiting(where.port());
    waiting.send(hello);
    raw_client idle(where.port());
    CHECK_THROWS_AS(co_await with_deadline(100ms, cancelled.run()), std::system_error);
    CHECK(cancelled.connection_count() == 0);
    CHECK(idle.sees_close());
    CHECK(waiting.receive_answer().status == 500);
  });
}
