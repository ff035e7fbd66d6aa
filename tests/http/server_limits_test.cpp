#include "raw_client.hpp"
#include "served.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>

using namespace clawdspace;
using namespace std::chrono_literals;
using test::control;
using test::raw_client;
using test::with_server;

namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

constexpr std::string_view hello = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";

/// No descriptor can be opened while this lives.
class no_descriptors {
 public:
  no_descriptors() {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const unique_fd first_free(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    rlimit none = before_;
    none.rlim_cur = static_cast<rlim_t>(first_free.value());
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  ~no_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  no_descriptors(const no_descriptors&) = delete;
  no_descriptors& operator=(const no_descriptors&) = delete;

 private:
  rlimit before_{};
};

} // namespace

TEST_CASE("a kept connection that stays idle is closed, without a word") {
  with_server({.idle = 50ms}, [](const control& server) {
    raw_client fresh(server.port);
    CHECK(fresh.receive_all().empty());
    raw_client used(server.port);
    CHECK(used.send(hello).receive_answer().status == 200);
    CHECK(used.receive_all().empty());
  });
}

TEST_CASE("a head that trickles in is cut off at its deadline, however steadily it trickles") {
  const auto notes = with_server({.head_time = 100ms}, [](const control& server) {
    raw_client client(server.port);
    CHECK(client.send(hello).receive_answer().status == 200);
    const std::string head = "GET /hello HTTP/1.1\r\nHost: h\r\nX: " + std::string(10'000, 'x');
    const auto begun = std::chrono::steady_clock::now();
    std::atomic<bool> answered = false;
    std::thread trickle([&] {
      for (const char c : head) {
        if (::send(client.fd(), &c, 1, MSG_NOSIGNAL) < 0) return;
        std::this_thread::sleep_for(1ms);
        if (answered || std::chrono::steady_clock::now() - begun > 5s) return;
      }
    });
    const auto a = client.receive_answer();
    answered = true;
    CHECK(std::chrono::steady_clock::now() - begun < 4s);
    CHECK(a.status == 408);
    CHECK(has(a.head, "Connection: close\r\n"));
    trickle.join();
  });
  CHECK(notes.requests.size() == 2);
}

TEST_CASE("a body that stalls is given up, unless its handler allows that") {
  with_server({.body_time = 80ms}, [](const control& server) {
    raw_client stalled(server.port);
    stalled.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345");
    const auto a = stalled.receive_answer();
    CHECK(a.status == 408);
    CHECK(has(a.head, "Connection: close\r\n"));

    raw_client slow(server.port);
    slow.send("POST /slow-body HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345");
    std::this_thread::sleep_for(300ms); // the condition under test is that nothing happens meanwhile
    CHECK(slow.send("67890").receive_answer().body == "1234567890");
  });
}

TEST_CASE("a body may take longer than the deadline as long as it moves") {
  with_server({.body_time = 150ms}, [](const control& server) {
    raw_client client(server.port);
    client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n");
    for (int i = 0; i < 10; ++i) {
      client.send("x");
      std::this_thread::sleep_for(30ms); // 300 ms in all
    }
    CHECK(client.receive_answer().body == "xxxxxxxxxx");
  });
}

TEST_CASE("past the limit of connections each gets a 503 at once, and its place when there is one") {
  with_server({.connections = 2}, [](const control& server) {
    raw_client first(server.port);
    CHECK(first.send(hello).receive_answer().status == 200);
    {
      raw_client second(server.port);
      CHECK(second.send(hello).receive_answer().status == 200);
      for (int i = 0; i < 20; ++i) {
        raw_client third(server.port);
        const auto a = third.send(hello).receive_answer();
        CHECK(a.status == 503);
        CHECK(has(a.head, "Connection: close\r\n"));
        CHECK(has(a.head, "application/json"));
      }
      CHECK(server.connections() == 2);
      CHECK(second.send(hello).receive_answer().status == 200);
    }
    test::eventually([&] { return server.connections() == 1; });
    raw_client third(server.port);
    CHECK(third.send(hello).receive_answer().status == 200);
  });
}

TEST_CASE("where no descriptor is free, connections are told so, and served again once there is one") {
  with_server({}, [](const control& server) {
    raw_client kept(server.port);
    CHECK(kept.send(hello).receive_answer().status == 200);
    std::vector<raw_client> more(20);
    {
      const no_descriptors now;
      for (auto& client : more) {
        const auto a = client.connect(server.port).receive_answer();
        CHECK(a.status == 503);
        CHECK(has(a.head, "application/json"));
        CHECK(client.receive_all().empty());
      }
      CHECK(kept.send(hello).receive_answer().status == 200);
    }
    CHECK(raw_client(server.port).send(hello).receive_answer().status == 200);
  });
}

TEST_CASE("a reader that pauses but is alive is not cut off, however long the write takes") {
  const auto notes = with_server({.write_time = 100ms}, [](const control& server) {
    raw_client client(server.port, 16 << 10);
    client.send("GET /stream?pieces=64&size=262144 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    client.receive_to("\r\n\r\n");
    std::this_thread::sleep_for(1500ms); // fifteen times the limit, behind a window that closed
    CHECK(client.receive_all().size() > (16 << 20));
  });
  CHECK(notes.requests.at(0).status == 200);
  CHECK(notes.requests.at(0).bytes_sent == (16 << 20));
}

TEST_CASE("a reader that has fallen silent is let go, whether the handler writes or waits") {
  const auto notes = with_server({.write_time = 200ms}, [](const control& server) {
    raw_client writing(server.port);
    writing.send("GET /flood HTTP/1.1\r\nHost: h\r\n\r\n").receive(1 << 20);
    writing.fall_silent();
    test::eventually([&] { return server.connections() == 0; });

    // Silent behind a window that is closed: only probes go out.
    raw_client closed(server.port, 16 << 10);
    closed.send("GET /flood HTTP/1.1\r\nHost: h\r\n\r\n").receive_to("\r\n\r\n");
    std::this_thread::sleep_for(300ms); // until the window is closed
    CHECK(server.connections() == 1);
    closed.fall_silent();
    test::eventually([&] { return server.connections() == 0; });
  });
  CHECK(notes.departures == 2);
}
