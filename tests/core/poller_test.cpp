#include <clawdspace/core/event.hpp>
#include <clawdspace/core/poller.hpp>

#include <doctest/doctest.h>

#include <array>
#include <fcntl.h>
#include <support/run_coroutine.hpp>
#include <sys/epoll.h>
#include <sys/socket.h>

using namespace clawdspace;

namespace {

std::array<unique_fd, 2> socket_pair() {
  std::array<int, 2> fds{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0);
  return {unique_fd(fds[0]), unique_fd(fds[1])};
}

} // namespace

TEST_CASE("a peer that has left is noticed behind bytes that nobody has read") {
  test::run_coroutine([](asio::io_context& loop) -> task<> {
    auto [ours, theirs] = socket_pair();
    REQUIRE(::write(theirs.value(), "unread", 6) == 6);
    poller poll(loop.get_executor());
    event left(loop.get_executor());
    const auto watch = poll.add(ours.value(), EPOLLRDHUP, [&] { left.set(); });
    CHECK_FALSE(left.is_set());
    theirs.reset();
    co_await left.wait();
  });
}

TEST_CASE("a watch that was given up never calls back, and its descriptor keeps its flags") {
  test::run_coroutine([](asio::io_context& loop) -> task<> {
    auto [ours, theirs] = socket_pair();
    poller poll(loop.get_executor());
    bool called = false;
    event other(loop.get_executor());
    auto given_up = poll.add(ours.value(), EPOLLRDHUP, [&] { called = true; });
    given_up.reset();
    const auto watch = poll.add(ours.value(), EPOLLRDHUP, [&] { other.set(); });
    theirs.reset();
    co_await other.wait();
    CHECK_FALSE(called);
    CHECK((::fcntl(ours.value(), F_GETFL) & O_NONBLOCK) == 0);
  });
}
