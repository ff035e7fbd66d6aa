#include <clawdspace/core/error.hpp>
#include <clawdspace/door/descriptors.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <support/folder.hpp>
#include <support/refusal.hpp>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

using namespace clawdspace;
using namespace clawdspace::door;

namespace {

struct pair {
  pair() {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
    a = unique_fd(fds[0]);
    b = unique_fd(fds[1]);
  }
  unique_fd a;
  unique_fd b;
};

unique_fd open_at(const std::filesystem::path& path, int flags) {
  return unique_fd(::open(path.c_str(), flags | O_CLOEXEC));
}

} // namespace

TEST_CASE("a frame and its descriptors come as they were sent, closed on exec") {
  pair ends;
  auto pipe = make_pipe();
  descriptors with;
  with.push_back(std::move(pipe.reading));
  with.push_back(std::move(pipe.writing));
  REQUIRE(send_now(ends.a.value(), "spawn", with));
  char into[64];
  const auto got = receive_now(ends.b.value(), into);
  CHECK(std::string_view(into, 5) == "spawn");
  CHECK(got.size == 5);
  REQUIRE(got.count == 2);
  CHECK_FALSE(got.cut);
  CHECK_FALSE(got.descriptors_cut);
  for (std::size_t i = 0; i < 2; ++i) CHECK((::fcntl(got.with[i].value(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(is_pipe(got.with[0].value(), O_RDONLY));
  CHECK(is_pipe(got.with[1].value(), O_WRONLY));
}

TEST_CASE("nothing is waited for, and the end is told from silence") {
  pair ends;
  char into[64];
  CHECK(receive_now(ends.a.value(), into).size == -1);
  CHECK(errno == EAGAIN);
  ends.b.reset();
  CHECK(receive_now(ends.a.value(), into).size == 0);
}

TEST_CASE("a frame that is longer than there is room for is said to be cut") {
  pair ends;
  REQUIRE(send_now(ends.a.value(), "0123456789", {}));
  char into[4];
  CHECK(receive_now(ends.b.value(), into).cut);
}

TEST_CASE("descriptors for which there is no room are said to be cut, and none of the others leaks") {
  pair ends;
  const auto pipe = make_pipe();
  descriptors with;
  for (int i = 0; i < 3; ++i) with.emplace_back(::fcntl(pipe.reading.value(), F_DUPFD_CLOEXEC, 0));
  REQUIRE(send_now(ends.a.value(), "x", with));
  with.clear();
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const unique_fd next(::fcntl(pipe.reading.value(), F_DUPFD_CLOEXEC, 0));
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(next.value()) + 2;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
  char into[64];
  {
    const auto got = receive_now(ends.b.value(), into);
    CHECK(got.descriptors_cut);
    CHECK(got.count == 1);
  }
  CHECK(is_in_reserve(next.value()));
  const auto refused = test::refusal([] { make_pipe(); });
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  REQUIRE(refused);
  CHECK(refused->code() == errc::overloaded);
  CHECK_FALSE(is_in_reserve(next.value()));
  const unique_fd again(::fcntl(pipe.reading.value(), F_DUPFD_CLOEXEC, 0));
  CHECK(again.value() == next.value() + 1);
}

TEST_CASE("a pipe may be opened again by any user, and each opening has flags of its own") {
  const auto pipe = make_pipe();
  struct stat seen{};
  REQUIRE(::fstat(pipe.writing.value(), &seen) == 0);
  CHECK((seen.st_mode & 0777) == 0666);
  const auto own = reopen_pipe(pipe.reading.value(), O_RDONLY);
  REQUIRE(own);
  CHECK((::fcntl(own.value(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK((::fcntl(pipe.reading.value(), F_GETFL) & O_NONBLOCK) == 0);
  set_nonblocking(pipe.writing.value());
  CHECK((::fcntl(pipe.writing.value(), F_GETFL) & O_NONBLOCK) != 0);
}

TEST_CASE("a writing end that nobody reads can be opened again, and says so when it is written to") {
  auto pipe = make_pipe();
  pipe.reading.reset();
  const auto own = reopen_pipe(pipe.writing.value(), O_WRONLY);
  ::signal(SIGPIPE, SIG_IGN);
  CHECK(::write(own.value(), "x", 1) == -1);
  CHECK(errno == EPIPE);
}

TEST_CASE("words in sealed memory can be read, and changed by nobody") {
  const std::string content(100'000, 'w');
  const auto file = make_sealed(content);
  CHECK(is_memory_file(file.value()));
  std::string read(content.size(), '\0');
  CHECK(::pread(file.value(), read.data(), read.size(), 0) == static_cast<ssize_t>(content.size()));
  CHECK(read == content);
  CHECK(::pwrite(file.value(), "x", 1, 0) == -1);
  CHECK(::ftruncate(file.value(), 0) == -1);
}

TEST_CASE("what is not what it is said to be is told by its type") {
  const test::folder here;
  const auto plain = here.write("plain", "text");
  REQUIRE(::mkfifo((here.path() / "fifo").c_str(), 0600) == 0);
  const auto pipe = make_pipe();
  const pair sockets;
  const auto directory = open_at(here.path(), O_RDONLY | O_DIRECTORY);
  const auto file = open_at(plain, O_RDWR);
  const auto fifo = open_at(here.path() / "fifo", O_RDWR);
  const auto null = open_at("/dev/null", O_RDWR);
  const auto memory = make_sealed("x");
  const unique_fd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  REQUIRE(master);

  for (const auto* const other : {&sockets.a, &directory, &null, &pipe.reading}) {
    CHECK_FALSE(is_pty_master(other->value()));
    CHECK_FALSE(is_memory_file(other->value()));
  }
  for (const auto* const other : {&sockets.a, &directory, &file, &null, &memory, &master, &fifo})
    CHECK_FALSE(is_pipe(other->value(), O_RDONLY));
  CHECK_FALSE(is_pty_master(file.value()));
  CHECK_FALSE(is_pty_master(fifo.value()));
  CHECK_FALSE(is_memory_file(master.value()));

  CHECK(is_pipe(pipe.reading.value(), O_RDONLY));
  CHECK_FALSE(is_pipe(pipe.reading.value(), O_WRONLY));
  CHECK(is_pipe(pipe.writing.value(), O_WRONLY));
  CHECK_FALSE(is_pipe(pipe.writing.value(), O_RDONLY));
  CHECK(is_pty_master(master.value()));
  CHECK(is_memory_file(memory.value()));
}
