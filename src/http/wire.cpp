#include "wire.hpp"

#include "ready.hpp"
#include <clawdspace/core/error.hpp>

#include <asio/post.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <netinet/tcp.h>
#include <string>
#include <sys/socket.h>

namespace clawdspace::http {

namespace {

// Linux 6.15; older kernels refuse it, and the probes of a closed window then come up to two minutes apart.
constexpr int tcp_rto_max_ms = 44;

/// What may move on one connection before the others get a turn.
constexpr std::size_t turn_size = std::size_t{1} << 20;
/// A call counts as this much at least, so that many small ones end a turn too.
constexpr std::size_t call_cost = std::size_t{16} << 10;

/// What is read in one go where splice(2) does not serve.
constexpr std::size_t copied_at_once = std::size_t{64} << 10;

/// The kernel tells of the last acknowledgement in its ticks.
constexpr std::chrono::milliseconds clock_grain{20};
constexpr std::chrono::milliseconds rate_limit_is_over{5'000};

void set(int fd, int level, int option, int value) noexcept {
  ::setsockopt(fd, level, option, &value, sizeof value);
}

bool means_peer_left(int error) {
  return error == ECONNRESET || error == EPIPE || error == ENOTCONN || error == ETIMEDOUT ||
         error == ECONNABORTED || error == EHOSTUNREACH || error == ENETUNREACH || error == ENETDOWN;
}

[[noreturn]] void fail_short(std::size_t missing) {
  throw error(errc::internal, "a pipe held " + std::to_string(missing) + " bytes less than were to be sent");
}

[[noreturn]] void fail(int error, const char* call) {
  if (means_peer_left(error)) throw clawdspace::error(errc::client_left, "the client left");
  throw std::system_error(error, std::system_category(), call);
}

} // namespace

gathered& gathered::add(std::span<const std::byte> piece) {
  if (!piece.empty()) pieces_.at(count_++) = {const_cast<std::byte*>(piece.data()), piece.size()};
  return *this;
}

void gathered::skip(std::size_t sent) {
  while (first_ < count_ && sent >= pieces_[first_].iov_len) sent -= pieces_[first_++].iov_len;
  if (first_ == count_) return;
  auto& piece = pieces_[first_];
  piece.iov_base = static_cast<std::byte*>(piece.iov_base) + sent;
  piece.iov_len -= sent;
}

void wire::set_options() {
  const int s = fd();
  set(s, IPPROTO_TCP, TCP_NODELAY, 1);
  // A peer that is silent while nothing is owed is found by these within 30 s; one that owes
  // acknowledgements, by is_silent.
  set(s, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(s, IPPROTO_TCP, TCP_KEEPIDLE, 15);
  set(s, IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set(s, IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(s, IPPROTO_TCP, tcp_rto_max_ms, 10'000);
}

std::optional<std::size_t> wire::receive_now(std::span<std::byte> into) {
  for (;;) {
    const auto n = ::recv(fd(), into.data(), into.size(), MSG_DONTWAIT);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EAGAIN || errno == EWOULDBLOCK) return std::nullopt;
    if (errno != EINTR) fail(errno, "recv");
  }
}

bool wire::turn_is_over(std::size_t moved) noexcept {
  without_pause_ += std::max(moved, call_cost);
  if (without_pause_ < turn_size) return false;
  without_pause_ = 0;
  return true;
}

task<bool> wire::wait_readable() {
  expired_ = woken_ = false;
  for (;;) {
    reading_ = true;
    const auto [ec] = co_await socket_.async_wait(asio::socket_base::wait_read, nothrow);
    reading_ = false;
    without_pause_ = 0;
    if (!ec) co_return true;
    if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none)
      throw std::system_error(asio::error::operation_aborted);
    if (std::exchange(expired_, false)) throw std::system_error(make_error_code(std::errc::timed_out));
    if (std::exchange(woken_, false)) co_return false;
    if (ec != asio::error::operation_aborted) throw std::system_error(ec, "waiting for the client");
    // else a wait in the other direction was meant
  }
}

task<> wire::wait_writable() {
  const auto [ec] = co_await socket_.async_wait(asio::socket_base::wait_write, nothrow);
  without_pause_ = 0;
  if (ec == asio::error::operation_aborted) {
    // else a wait in the other direction was meant
    if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none)
      throw std::system_error(ec);
  } else if (ec) {
    throw std::system_error(ec, "waiting for the client");
  }
}

task<> wire::send(gathered what, bool more) {
  while (!what.empty()) {
    msghdr message{};
    message.msg_iov = &what.pieces_[what.first_];
    message.msg_iovlen = what.count_ - what.first_;
    const auto n = ::sendmsg(fd(), &message, MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0));
    if (n >= 0) {
      what.skip(static_cast<std::size_t>(n));
      if (turn_is_over(static_cast<std::size_t>(n)))
        co_await asio::post(socket_.get_executor(), asio::use_awaitable);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) fail(errno, "sendmsg");
    co_await wait_writable();
  }
}

task<> wire::send_from_pipe(int pipe, std::size_t size, bool more) {
  // A socket's end of it does not wait either: served sockets are non-blocking.
  const unsigned flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | (more ? SPLICE_F_MORE : 0U);
  while (size > 0) {
    const auto n = ::splice(pipe, nullptr, fd(), nullptr, size, flags);
    if (n > 0) {
      size -= static_cast<std::size_t>(n);
      if (turn_is_over(static_cast<std::size_t>(n)))
        co_await asio::post(socket_.get_executor(), asio::use_awaitable);
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EINVAL) {
      co_await copy_from(pipe, size, more);
      co_return;
    }
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) fail(errno, "splice");
    // It does not say which of the two was not ready.
    if (n == 0 || ready_in(pipe) == 0) fail_short(size);
    co_await wait_writable();
  }
}

task<> wire::copy_from(int source, std::size_t size, bool more) {
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(std::min(size, copied_at_once));
  while (size > 0) {
    const auto n = read_ready(source, {buffer.get(), std::min(size, copied_at_once)});
    if (n == 0) fail_short(size);
    size -= n;
    co_await send(gathered().add(std::span<const std::byte>(buffer.get(), n)), more || size > 0);
  }
}

wire::spliced wire::splice_now(int pipe, std::uint64_t most) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(most, turn_size));
  for (;;) {
    const auto n = ::splice(fd(), nullptr, pipe, nullptr, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (n > 0) return {spliced::kind::moved, static_cast<std::size_t>(n)};
    if (n == 0 || errno == EINVAL) return {};
    if (errno == EINTR) continue;
    if (errno == EPIPE) throw std::system_error(errno, std::generic_category(), "splicing to a pipe");
    if (errno != EAGAIN && errno != EWOULDBLOCK) fail(errno, "splice");
    // It does not say which of the two was not ready.
    return {ready_in(fd()) > 0 ? spliced::kind::no_room : spliced::kind::nothing, 0};
  }
}

std::size_t wire::send_now(std::string_view text) noexcept {
  std::size_t sent = 0;
  while (sent < text.size()) {
    const auto n = ::send(fd(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    sent += static_cast<std::size_t>(n);
  }
  return sent;
}

void wire::wake() {
  if (!reading_) return;
  woken_ = true;
  std::error_code ignored; // a socket that cannot be cancelled has nothing waiting
  socket_.cancel(ignored);
}

void wire::look(steady_time now) {
  if (!reading_ || now < read_deadline_) return;
  expired_ = true;
  read_deadline_ = steady_time::max();
  std::error_code ignored;
  socket_.cancel(ignored);
}

bool wire::is_silent(steady_time now, std::chrono::milliseconds limit) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return false;
  const auto quiet = std::chrono::milliseconds(info.tcpi_last_ack_recv);
  if (now - quiet > last_answer_ + clock_grain) {
    last_answer_ = now - quiet;
    repeats_then_ = info.tcpi_total_retrans;
    was_silent_ = false;
    return false;
  }
  // What the kernel itself gives up by does not do: segments that are sent again into a window that was
  // closed over them are answered, and counted all the same. And of answers to what is outside its window a
  // peer owes but two a second (net.ipv4.tcp_invalid_ratelimit), so one that is missing means nothing at
  // first.
  const auto unanswered = std::max<std::uint32_t>(info.tcpi_probes, info.tcpi_total_retrans - repeats_then_);
  const bool owed = unanswered > 1 || (unanswered == 1 && quiet >= rate_limit_is_over);
  // Twice, so that a probe whose answer is under way is not taken for one that has none.
  return std::exchange(was_silent_, owed && quiet >= limit) && was_silent_;
}

void wire::end_sending() noexcept { ::shutdown(fd(), SHUT_WR); }

void wire::reset_on_close() noexcept {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void wire::abandon() noexcept {
  reset_on_close();
  ::shutdown(fd(), SHUT_RDWR);
}

} // namespace clawdspace::http
