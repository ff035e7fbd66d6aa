#include "host.hpp"

#include "figures.hpp"
#include "http.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

extern char** environ; // NOLINT(readability-redundant-declaration): POSIX has no header for it

namespace bench {

namespace {

constexpr int pipe_size = 1 << 20;

[[noreturn]] void failed(const char* call) { die(std::string(call) + ": " + std::strerror(errno)); }

struct child {
  pid_t pid = -1;
  int output = -1;
};

child spawn(const std::vector<std::string>& argv) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) failed("pipe2");
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  std::vector<char*> arguments;
  for (const auto& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  child made{.output = ends[0]};
  if (const int e = ::posix_spawnp(&made.pid, arguments[0], &actions, nullptr, arguments.data(), environ);
      e != 0)
    die(argv[0] + ": " + std::strerror(e));
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  return made;
}

void wait_for(const child& process) {
  int status = 0;
  if (::waitpid(process.pid, &status, 0) < 0 || status != 0) die("a program of the host failed");
  ::close(process.output);
}

/// Both ends of a connection over loopback.
std::array<int, 2> loopback_pair() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 ||
      ::listen(listener, 1) != 0 || ::getsockname(listener, reinterpret_cast<sockaddr*>(&where), &size) != 0)
    failed("listen");
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(client, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) failed("connect");
  const int server = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (server < 0) failed("accept");
  ::close(listener);
  return {server, client};
}

} // namespace

host_run run_on_host(const std::vector<std::string>& argv) {
  host_run took;
  const auto from = now();
  const auto process = spawn(argv);
  std::array<char, 4096> output{};
  while (::read(process.output, output.data(), output.size()) > 0)
    if (took.first_byte == 0) took.first_byte = now() - from;
  wait_for(process);
  took.in_all = now() - from;
  return took;
}

double splice_on_host(std::uint64_t size) {
  const auto [to, at_other_end] = loopback_pair();
  std::thread reader([fd = at_other_end] {
    std::vector<char> buffer(std::size_t{256} << 10);
    while (::recv(fd, buffer.data(), buffer.size(), 0) > 0) {
    }
  });
  const auto from = now();
  const auto process = spawn({"head", "-c", std::to_string(size), "/dev/zero"});
  ::fcntl(process.output, F_SETPIPE_SZ, pipe_size);
  std::uint64_t moved = 0;
  for (;;) {
    const auto n = ::splice(process.output, nullptr, to, nullptr, pipe_size, SPLICE_F_MOVE | SPLICE_F_MORE);
    if (n < 0) failed("splice");
    if (n == 0) break;
    moved += static_cast<std::uint64_t>(n);
  }
  ::close(to);
  reader.join();
  const auto took = now() - from;
  wait_for(process);
  ::close(at_other_end);
  if (moved != size) die("the host's own stream was cut short");
  return static_cast<double>(size) / 1e6 / took;
}

} // namespace bench
