// How fast bytes go from a pipe to a loopback socket: through exchange::write_from_pipe, and by the smallest
// program that does the same with splice(2). Three processes each: one writes, one reads.
//
//   pipe_speed [MIB] [ROUNDS]
#include <clawdspace/core/unique_fd.hpp>
#include <clawdspace/http/server.hpp>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace clawdspace;

namespace {

constexpr int pipe_size = 1 << 20;

void check(bool good, const char* what) {
  if (good) return;
  std::perror(what);
  std::_Exit(1);
}

/// A process that fills a pipe with `size` bytes; the end to read from.
unique_fd start_writer(std::size_t size) {
  std::array<int, 2> ends{};
  check(::pipe2(ends.data(), O_CLOEXEC) == 0, "pipe2");
  check(::fcntl(ends[1], F_SETPIPE_SZ, pipe_size) > 0, "F_SETPIPE_SZ");
  if (::fork() == 0) {
    const std::vector<char> block(std::size_t{256} << 10, 'x');
    while (size > 0) {
      const auto n = ::write(ends[1], block.data(), std::min(size, block.size()));
      if (n <= 0) std::_Exit(0);
      size -= static_cast<std::size_t>(n);
    }
    std::_Exit(0);
  }
  ::close(ends[1]);
  return unique_fd(ends[0]);
}

/// A process that reads all there is from a server.
pid_t start_reader(unsigned short port, bool asks) {
  const auto reader = ::fork();
  if (reader != 0) return reader;
  const unique_fd s(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  check(::connect(s.value(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0, "connect");
  const std::string request = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  if (asks) check(::send(s.value(), request.data(), request.size(), 0) > 0, "send");
  std::vector<char> block(std::size_t{256} << 10);
  while (::recv(s.value(), block.data(), block.size(), 0) > 0) {
  }
  std::_Exit(0);
}

struct measured {
  double seconds = 0;
  double cpu = 0; ///< of the process between
};

double cpu_now() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto in_seconds = [](const timeval& t) { return double(t.tv_sec) + double(t.tv_usec) / 1e6; };
  return in_seconds(used.ru_utime) + in_seconds(used.ru_stime);
}

template <class Work> measured timed(Work work) {
  const auto begun = std::chrono::steady_clock::now();
  const auto cpu = cpu_now();
  work();
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count(), cpu_now() - cpu};
}

measured by_hand(std::size_t size) {
  const unique_fd listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof where;
  check(::bind(listening.value(), reinterpret_cast<const sockaddr*>(&where), length) == 0, "bind");
  check(::listen(listening.value(), 1) == 0, "listen");
  check(::getsockname(listening.value(), reinterpret_cast<sockaddr*>(&where), &length) == 0, "getsockname");
  const auto reader = start_reader(ntohs(where.sin_port), false);
  unique_fd s(::accept(listening.value(), nullptr, nullptr));
  const auto pipe = start_writer(size);
  return timed([&] {
    while (::splice(pipe.value(), nullptr, s.value(), nullptr, pipe_size, SPLICE_F_MOVE | SPLICE_F_MORE) >
           0) {
    }
    s.reset();
    check(::waitpid(reader, nullptr, 0) == reader, "waitpid");
  });
}

task<> stream(http::exchange& x, std::size_t size) {
  const auto writer = start_writer(size);
  asio::posix::stream_descriptor pipe(co_await asio::this_coro::executor, ::dup(writer.value()));
  co_await x.start(200, {});
  for (;;) {
    int ready = 0;
    check(::ioctl(pipe.native_handle(), FIONREAD, &ready) == 0, "FIONREAD");
    if (ready > 0) {
      co_await x.write_from_pipe(pipe.native_handle(), static_cast<std::size_t>(ready));
      continue;
    }
    char none = 0;
    pipe.native_non_blocking(true);
    const auto n = ::read(pipe.native_handle(), &none, 1);
    if (n == 0) break;
    if (n == 1) {
      co_await x.write(std::string_view(&none, 1));
      continue;
    }
    co_await pipe.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
  }
  co_await x.finish();
}

measured by_server(std::size_t size) {
  asio::io_context loop{1};
  const auto handle = [size](http::exchange& x) { return stream(x, size); };
  http::server server(
      loop.get_executor(), {},
      {.handle = handle,
       .problem =
           [](const std::exception_ptr&, const http::request_head*) {
             return http::response{.status = 500, .headers = {}, .body = {}};
           },
       .done = [&](const http::exchange&, int, std::chrono::microseconds) { server.stop(); }});
  const auto where = server.listen({asio::ip::address_v4::loopback(), 0});
  const auto reader = start_reader(where.port(), true);
  asio::co_spawn(loop, server.run(), [](const std::exception_ptr& e) { check(!e, "the server failed"); });
  return timed([&] {
    loop.run();
    check(::waitpid(reader, nullptr, 0) == reader, "waitpid");
  });
}

} // namespace

int main(int count, char** arguments) {
  ::signal(SIGPIPE, SIG_IGN);
  const auto size = std::size_t{count > 1 ? std::stoul(arguments[1]) : 1024} << 20;
  const int rounds = count > 2 ? std::stoi(arguments[2]) : 5;
  const auto mib = static_cast<double>(size >> 20);
  double best_by_hand = 0;
  double best_by_server = 0;
  for (int i = 0; i < rounds; ++i) {
    const auto a = by_hand(size);
    const auto b = by_server(size);
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    best_by_hand = std::max(best_by_hand, mib / a.seconds);
    best_by_server = std::max(best_by_server, mib / b.seconds);
    std::printf("splice by hand %6.0f MiB/s (cpu %.2f s)   server %6.0f MiB/s (cpu %.2f s)   %.2f\n",
                mib / a.seconds, a.cpu, mib / b.seconds, b.cpu, a.seconds / b.seconds);
  }
  std::printf("best of %d: %.0f and %.0f MiB/s, %.2f\n", rounds, best_by_hand, best_by_server,
              best_by_server / best_by_hand);
}
