#include "raw_client.hpp"
#include "served.hpp"
#include <clawdspace/core/unique_fd.hpp>

#include <asio/posix/stream_descriptor.hpp>
#include <doctest/doctest.h>

#include <array>
#include <fcntl.h>
#include <thread>
#include <unistd.h>

// Bodies of known length that go out in pieces, and bodies that go into a pipe.

using namespace clawdspace;
using namespace std::chrono_literals;
using test::control;
using test::raw_client;
using test::served;

namespace {

task<> in_two_pieces(http::exchange& x, served& notes) {
  const bool too_few = x.head().path == "/few";
  const bool too_many = x.head().path == "/many";
  try {
    co_await x.start_sized(206, {{"X-Own", "1"}}, 11);
    co_await x.write("hello ");
    if (!too_few) co_await x.write(too_many ? "world!" : "world");
    co_await x.finish();
  } catch (const error& e) {
    if (e.code() == errc::internal) notes.failure = e.what();
    throw;
  }
}

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 4096) % 26);
  return text;
}

/// The whole body into a pipe whose reader, a thread, takes it slowly, in pieces of `portion`.
class drained_pipe {
 public:
  explicit drained_pipe(std::size_t portion) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    out_ = unique_fd(ends[0]);
    in_ = unique_fd(ends[1]);
    REQUIRE(::fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
    reader_ = std::thread([this, portion] {
      std::string piece(portion, '\0');
      for (ssize_t n = 1; n > 0;) {
        n = ::read(out_.value(), piece.data(), piece.size());
        if (n > 0) got_.append(piece, 0, static_cast<std::size_t>(n));
      }
    });
  }
  drained_pipe(const drained_pipe&) = delete;
  drained_pipe& operator=(const drained_pipe&) = delete;
  ~drained_pipe() { text(); }

  task<std::size_t> take(http::exchange& x) {
    asio::posix::stream_descriptor to(co_await asio::this_coro::executor, ::dup(in_.value()));
    std::size_t all = 0;
    for (;;) {
      const auto n = co_await x.read_to_pipe(in_.value());
      if (n == 0u) co_return all;
      if (n)
        all += *n;
      else
        co_await to.async_wait(asio::posix::stream_descriptor::wait_write, asio::use_awaitable);
    }
  }
  std::string text() {
    in_.reset();
    if (reader_.joinable()) reader_.join();
    return got_;
  }

 private:
  unique_fd out_;
  unique_fd in_;
  std::string got_;
  std::thread reader_;
};

} // namespace

TEST_CASE("a body of known length goes out in pieces, and the connection goes on") {
  const auto notes = test::with_handler({}, in_two_pieces, [](const control& server) {
    raw_client client(server.port);
    for (int i = 0; i < 2; ++i) {
      const auto answer = client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").receive_answer();
      CHECK(answer.status == 206);
      CHECK(answer.head.find("Content-Length: 11\r\n") != std::string::npos);
      CHECK(answer.head.find("Transfer-Encoding") == std::string::npos);
      CHECK(answer.body == "hello world");
    }
    const auto head = client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n").receive_answer(false);
    CHECK(head.head.find("Content-Length: 11\r\n") != std::string::npos);
    CHECK(client.send("GET / HTTP/1.0\r\n\r\n").receive_answer().body == "hello world");
  });
  CHECK(notes.requests.at(0).bytes_sent == 11);
  CHECK(notes.requests.at(2).bytes_sent == 0);
}

TEST_CASE("a body that is not of the length that was told cuts the connection") {
  for (const std::string path : {"/few", "/many"}) {
    CAPTURE(path);
    const auto notes = test::with_handler({}, in_two_pieces, [&](const control& server) {
      raw_client client(server.port);
      client.send("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n").receive_to("\r\n\r\n");
      CHECK(std::string_view("hello ").starts_with(client.receive_all()));
    });
    CHECK(!notes.failure.empty());
  }
}

TEST_CASE("a body goes into a pipe whole, whatever its framing, and the next request follows it") {
  const auto text = pattern(5 << 20);
  for (const bool chunked : {false, true})
    for (const std::size_t portion : {std::size_t{1} << 20, std::size_t{4096}}) {
      CAPTURE(chunked);
      CAPTURE(portion);
      std::string got;
      const auto handle = [&](http::exchange& x, served&) -> task<> {
        if (x.head().method == "PUT") {
          drained_pipe pipe(portion);
          CHECK(co_await pipe.take(x) == text.size());
          got = pipe.text();
        }
        co_await x.respond({.status = 204, .headers = {}, .body = {}});
      };
      test::with_handler({}, handle, [&](const control& server) {
        raw_client client(server.port);
        const std::string next = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n";
        if (chunked)
          client.send("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n500000\r\n" + text +
                      "\r\n0\r\n\r\n" + next);
        else
          client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5242880\r\n\r\n" + text + next);
        CHECK(client.receive_answer(false).status == 204);
        CHECK(client.receive_answer(false).status == 204);
      });
      CHECK(got == text);
    }
}

TEST_CASE("a client that leaves within a body that goes into a pipe is a departure, not an end") {
  const auto handle = [&](http::exchange& x, served& notes) -> task<> {
    drained_pipe pipe(1 << 20);
    try {
      co_await pipe.take(x);
    } catch (const error& e) {
      if (e.code() == errc::client_left) ++notes.departures;
      throw;
    }
  };
  const auto notes = test::with_handler({}, handle, [](const control& server) {
    raw_client client(server.port);
    client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5242880\r\n\r\n" + pattern(3 << 20));
    client.reset();
    test::eventually([&] { return server.connections() == 0; });
    raw_client other(server.port);
    other.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5242880\r\n\r\n" + pattern(3 << 20))
        .half_close();
    test::eventually([&] { return server.connections() == 0; });
  });
  CHECK(notes.departures == 2);
}

TEST_CASE("a pipe that nobody reads is told to who fills it") {
  const auto handle = [&](http::exchange& x, served& notes) -> task<> {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0);
    const unique_fd in(ends[1]);
    unique_fd(ends[0]).reset();
    try {
      while (co_await x.read_to_pipe(in.value()) != 0u) {
      }
    } catch (const std::system_error& e) {
      if (e.code() == std::errc::broken_pipe) notes.failure = "nobody reads";
    }
    co_await x.respond({.status = 507, .headers = {}, .body = {}});
  };
  const auto notes = test::with_handler({}, handle, [](const control& server) {
    raw_client client(server.port);
    client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n" + pattern(300000));
    CHECK(client.receive_answer().status == 507);
  });
  CHECK(notes.failure == "nobody reads");
}
