#include <clawdspace/core/error.hpp>
#include <clawdspace/space/port_connection.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace clawdspace::spaces {

namespace {

int family_of(int socket) {
  int family = AF_UNSPEC;
  socklen_t size = sizeof family;
  return ::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0 ? family : AF_UNSPEC;
}

port_connection::socket_type adopt(const asio::any_io_executor& executor, unique_fd socket) {
  const int family = family_of(socket.value());
  if (family != AF_UNIX) {
    const int yes = 1;
    ::setsockopt(socket.value(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  }
  port_connection::socket_type made(executor);
  made.assign(asio::generic::stream_protocol(family, 0), socket.value());
  socket.release();
  return made;
}

[[noreturn]] void fail_lost() {
  throw error(errc::connection_lost,
              fmt::format("the connection into the space was lost: {}", std::strerror(errno)));
}

} // namespace

port_connection::port_connection(const asio::any_io_executor& executor, unique_fd socket, lease held)
    : held_(std::move(held)), socket_(adopt(executor, std::move(socket))) {}

port_connection& port_connection::operator=(port_connection&& other) noexcept {
  if (this == &other) return *this;
  close();
  held_ = std::move(other.held_);
  socket_ = std::move(other.socket_);
  resets_ = other.resets_;
  return *this;
}

port_connection::~port_connection() { close(); }

std::optional<std::size_t> port_connection::receive_now(std::span<std::byte> into) {
  for (;;) {
    const auto n = ::recv(socket_.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EAGAIN) return std::nullopt;
    if (errno != EINTR) fail_lost();
  }
}

task<> port_connection::wait_readable() {
  co_await socket_.async_wait(socket_type::wait_read, asio::use_awaitable);
}

task<> port_connection::wait_writable() {
  co_await socket_.async_wait(socket_type::wait_write, asio::use_awaitable);
}

task<std::size_t> port_connection::read_some(std::span<std::byte> into) {
  for (;;) {
    if (const auto n = receive_now(into)) co_return *n;
    co_await wait_readable();
  }
}

std::size_t port_connection::send_now(std::span<const iovec> pieces) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data()); // sendmsg writes to none of it
  message.msg_iovlen = pieces.size();
  for (;;) {
    const auto n = ::sendmsg(socket_.native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EAGAIN || errno == ENOBUFS) return 0;
    if (errno != EINTR) fail_lost();
  }
}

task<> port_connection::write(std::span<const std::byte> data) {
  while (!data.empty()) {
    const iovec piece{.iov_base = const_cast<std::byte*>(data.data()), .iov_len = data.size()};
    const auto n = send_now({&piece, 1});
    data = data.subspan(n);
    if (n == 0) co_await wait_writable();
  }
}

void port_connection::end_sending() noexcept { ::shutdown(socket_.native_handle(), SHUT_WR); }

void port_connection::reset_on_close() noexcept { resets_ = true; }

// Who made the socket may have asked for its closing to wait until all is sent, which nobody may ever read.
void port_connection::close() noexcept {
  if (!socket_.is_open()) return;
  const linger how{.l_onoff = resets_ ? 1 : 0, .l_linger = 0};
  ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &how, sizeof how);
  std::error_code ignored; // it is closed whatever that says
  socket_.close(ignored);
}

} // namespace clawdspace::spaces
