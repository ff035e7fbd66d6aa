#include "raw_client.hpp"
#include "served.hpp"
#include <clawdspace/core/unique_fd.hpp>

#include <asio/posix/stream_descriptor.hpp>
#include <doctest/doctest.h>

#include <array>
#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace clawdspace;
using namespace std::chrono_literals;
using test::control;
using test::raw_client;
using test::served;

namespace {

struct two_ends {
  unique_fd out; ///< what is read
  unique_fd in;
};

two_ends open_pipe() {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  return {unique_fd(ends[0]), unique_fd(ends[1])};
}

two_ends open_socket_pair() {
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
  return {unique_fd(ends[0]), unique_fd(ends[1])};
}

two_ends open_terminal() {
  int controller = -1;
  int terminal = -1;
  REQUIRE(::openpty(&controller, &terminal, nullptr, nullptr, nullptr) == 0);
  return {unique_fd(controller), unique_fd(terminal)};
}

void put(int fd, std::string_view text) {
  REQUIRE(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

/// Two chunks through the pipe and one that is written, in between.
task<> answer_from(two_ends ends, http::exchange& x) {
  co_await x.start(200, {});
  put(ends.in.value(), "hello world");
  test::eventually([&] { // a terminal hands it over in its own time
    int ready = 0;
    return ::ioctl(ends.out.value(), FIONREAD, &ready) == 0 && ready == 11;
  });
  co_await x.write_from_pipe(ends.out.value(), 6);
  co_await x.write("(own)");
  co_await x.write_from_pipe(ends.out.value(), 5);
  co_await x.write_from_pipe(ends.out.value(), 0);
  int left = -1;
  CHECK(::ioctl(ends.out.value(), FIONREAD, &left) == 0);
  CHECK(left == 0);
  co_await x.finish();
}

task<> from_pipe(http::exchange& x, served&) {
  const auto& path = x.head().path;
  co_await answer_from(path == "/socket"     ? open_socket_pair()
                       : path == "/terminal" ? open_terminal()
                                             : open_pipe(),
                       x);
}

/// What stands in the pipe, again and again, till its writer has closed it.
task<> forward(int pipe, http::exchange& x) {
  asio::posix::stream_descriptor source(co_await asio::this_coro::executor, ::dup(pipe));
  co_await x.start(200, {});
  for (;;) {
    co_await source.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
    int ready = 0;
    REQUIRE(::ioctl(pipe, FIONREAD, &ready) == 0);
    if (ready == 0) break;
    co_await x.write_from_pipe(pipe, static_cast<std::size_t>(ready));
  }
  co_await x.finish();
}

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 4096) % 26);
  return text;
}

std::string unchunk(std::string_view body) {
  std::string text;
  for (;;) {
    const auto end = body.find("\r\n");
    REQUIRE(end != body.npos);
    const auto size = std::stoul(std::string(body.substr(0, end)), nullptr, 16);
    if (size == 0) return text;
    text += body.substr(end + 2, size);
    REQUIRE(body.substr(end + 2 + size, 2) == "\r\n");
    body.remove_prefix(end + 4 + size);
  }
}

/// A pipe that a thread fills.
class filled_pipe {
 public:
  explicit filled_pipe(std::string text) : ends_(open_pipe()) {
    thread_ = std::thread([in = ends_.in.release(), text = std::move(text), this] {
      std::string_view rest = text;
      while (!rest.empty()) {
        const auto n = ::write(in, rest.data(), std::min<std::size_t>(rest.size(), 50'000));
        if (n <= 0) break;
        written_ += static_cast<std::size_t>(n);
        rest.remove_prefix(static_cast<std::size_t>(n));
      }
      ::close(in);
    });
  }
  filled_pipe(const filled_pipe&) = delete;
  filled_pipe& operator=(const filled_pipe&) = delete;
  ~filled_pipe() {
    ends_.out.reset(); // its writer ends by EPIPE
    thread_.join();
  }
  [[nodiscard]] int out() const { return ends_.out.value(); }
  [[nodiscard]] std::size_t written() const { return written_; }

 private:
  two_ends ends_;
  std::atomic<std::size_t> written_ = 0;
  std::thread thread_;
};

} // namespace

TEST_CASE("bytes that stand ready in a pipe, a socket or a terminal go out as chunks, between written ones") {
  for (const std::string path : {"/pipe", "/socket", "/terminal"}) {
    CAPTURE(path);
    const auto notes = test::with_handler({}, from_pipe, [&](const control& server) {
      raw_client client(server.port);
      client.send("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n").receive_to("\r\n\r\n");
      CHECK(client.receive_to("0\r\n\r\n") == "6\r\nhello \r\n5\r\n(own)\r\n5\r\nworld\r\n0\r\n\r\n");
      // The connection goes on.
      client.send("GET /pipe HTTP/1.1\r\nHost: h\r\n\r\n").receive_to("0\r\n\r\n");
    });
    REQUIRE(notes.requests.size() == 2);
    CHECK(notes.requests[0].bytes_sent == 16);
  }
}

TEST_CASE("what a pipe holds is drained where the response has no body: HEAD") {
  const auto notes = test::with_handler({}, from_pipe, [](const control& server) {
    for (const std::string path : {"/pipe", "/socket", "/terminal"}) {
      raw_client client(server.port);
      client.send("HEAD " + path + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
          .receive_to("\r\n\r\n");
      CHECK(client.receive_all().empty());
    }
  });
  CHECK(notes.requests.at(0).bytes_sent == 0);
}

TEST_CASE("an HTTP/1.0 client gets a pipe's bytes bare, up to the close") {
  test::with_handler({}, from_pipe, [](const control& server) {
    raw_client client(server.port);
    client.send("GET /pipe HTTP/1.0\r\n\r\n").receive_to("\r\n\r\n");
    CHECK(client.receive_all() == "hello (own)world");
  });
}

TEST_CASE("a pipe that holds less than was promised cuts the response") {
  for (const std::string path : {"/pipe", "/socket"})
    for (const bool open : {true, false}) {
      CAPTURE(path);
      CAPTURE(open);
      const auto handle = [&](http::exchange& x, served& notes) -> task<> {
        auto ends = path == "/pipe" ? open_pipe() : open_socket_pair();
        put(ends.in.value(), "short");
        if (!open) ends.in.reset();
        co_await x.start(200, {});
        try {
          co_await x.write_from_pipe(ends.out.value(), 6);
        } catch (const error& e) {
          if (e.code() == errc::internal) notes.failure = e.what();
          throw;
        }
      };
      const auto notes = test::with_handler({}, handle, [](const control& server) {
        raw_client client(server.port);
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").receive_to("\r\n\r\n");
        const auto rest = client.receive_all();
        CHECK(std::string_view("6\r\nshort").starts_with(rest));
      });
      CHECK(!notes.failure.empty());
    }
}

TEST_CASE("megabytes go through a pipe whole, and a client that reads nothing holds its writer") {
  const auto text = pattern(24 << 20);
  filled_pipe source(text);
  const auto handle = [&](http::exchange& x, served&) { return forward(source.out(), x); };
  test::with_handler({}, handle, [&](const control& server) {
    raw_client client(server.port, 64 << 10);
    client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").receive_to("\r\n\r\n");
    std::size_t before = 1;
    std::size_t now = 0;
    test::eventually([&] { // the writer stands still
      std::this_thread::sleep_for(200ms);
      before = std::exchange(now, source.written());
      return before == now;
    });
    CHECK(now < text.size());
    CHECK(unchunk(client.receive_all()) == text);
  });
}

TEST_CASE("a client that leaves while a pipe is sent to it is a departure") {
  filled_pipe source(pattern(24 << 20));
  const auto handle = [&](http::exchange& x, served& notes) -> task<> {
    try {
      co_await forward(source.out(), x);
    } catch (const error& e) {
      if (e.code() == errc::client_left) ++notes.departures;
      throw;
    }
  };
  const auto notes = test::with_handler({}, handle, [](const control& server) {
    raw_client client(server.port);
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").receive_to("\r\n\r\n");
    client.reset();
    test::eventually([&] { return server.connections() == 0; });
  });
  CHECK(notes.departures == 1);
}

TEST_CASE("two connections that are fed from pipes take turns") {
  const std::string flood(1 << 20, 'x');
  filled_pipe a(pattern(64 << 20));
  const auto handle = [&](http::exchange& x, served&) -> task<> {
    if (x.head().path == "/flood")
      co_await forward(a.out(), x);
    else
      co_await x.respond({.status = 200, .headers = {}, .body = "here"});
  };
  test::with_handler({}, handle, [&](const control& server) {
    raw_client flooded(server.port);
    flooded.send("GET /flood HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    std::thread reader([&] { flooded.receive_all(); });
    raw_client other(server.port);
    for (int i = 0; i < 20; ++i) {
      const auto begun = std::chrono::steady_clock::now();
      CHECK(other.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").receive_answer().body == "here");
      CHECK(std::chrono::steady_clock::now() - begun < 2s);
    }
    reader.join();
  });
}
