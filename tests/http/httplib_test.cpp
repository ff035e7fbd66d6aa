#include "served.hpp"

#include <doctest/doctest.h>
#include <httplib.h>

#include <thread>

using namespace clawdspace;
using test::control;
using test::with_server;

TEST_CASE("an independent client is served: keep-alive, bodies both ways, chunks, HEAD, errors") {
  const auto notes = with_server({}, [](const control& server) {
    httplib::Client client("127.0.0.1", server.port);
    client.set_keep_alive(true);
    client.set_read_timeout(10);
    client.set_tcp_nodelay(true);
    for (int i = 0; i < 20; ++i) {
      const auto r = client.Get("/hello");
      REQUIRE(r);
      CHECK(r->status == 200);
      CHECK(r->body == "hello\n");
    }
    const std::string large(900'000, 'z');
    CHECK(client.Post("/echo", large, "application/octet-stream")->body == large);

    std::string streamed; // without trailers, which this client does not know
    const auto r =
        client.Get("/stream?pieces=200&size=10000&trailers=no", [&](const char* data, std::size_t size) {
          streamed.append(data, size);
          return true;
        });
    REQUIRE(r);
    CHECK(streamed.size() == 2'000'000);

    const auto chunked = client.Post(
        "/echo",
        [](std::size_t offset, httplib::DataSink& sink) {
          if (offset < 100'000)
            sink.write(std::string(10'000, 'c').data(), 10'000);
          else
            sink.done();
          return true;
        },
        "text/plain");
    REQUIRE(chunked);
    CHECK(chunked->body == std::string(100'000, 'c'));

    CHECK(client.Head("/hello")->get_header_value("Content-Length") == "6");
    CHECK(client.Get("/empty")->status == 204);
    CHECK(client.Get("/nowhere")->status == 404);
    CHECK_FALSE(client.Get("/fail-midway")); // not whole: an error, not a short answer
    CHECK(client.Post("/small", std::string(2'000'000, 'x'), "text/plain")->status == 413);
    CHECK(client.Get("/hello")->status == 200);
  });
  CHECK(notes.requests.size() == 29);
}

TEST_CASE("many clients at once are served side by side") {
  const auto notes = with_server({}, [](const control& server) {
    std::vector<std::thread> clients;
    clients.reserve(8);
    std::atomic<int> good = 0;
    for (int c = 0; c < 8; ++c)
      clients.emplace_back([&] {
        httplib::Client client("127.0.0.1", server.port);
        client.set_keep_alive(true);
        client.set_tcp_nodelay(true);
        for (int i = 0; i < 50; ++i) {
          const auto r = client.Post("/echo", std::to_string(i), "text/plain");
          if (r && r->body == std::to_string(i)) ++good;
        }
      });
    for (auto& c : clients) c.join();
    CHECK(good == 400);
  });
  CHECK(notes.requests.size() == 400);
}
