#include <clawdspace/core/error.hpp>
#include <clawdspace/proxy/upstream.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/uio.h>

namespace clawdspace::proxy {

namespace {

constexpr std::size_t buffer_size = std::size_t{64} << 10;
constexpr http::parser_limits limits{.head = 64_KiB, .header_count = 256, .chunk_overhead = 16_KiB};

[[noreturn]] void lost(std::string_view how) {
  throw error(errc::connection_lost, fmt::format("the server in the space {}", how));
}

[[noreturn]] void lost(int error) {
  lost(fmt::format("broke off the connection: {}", std::generic_category().message(error)));
}

bool would_wait(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

/// What the socket takes without waiting; 0: nothing now.
std::size_t send_now(int fd, std::span<iovec> pieces) {
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  for (;;) {
    const auto n = ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (would_wait(errno)) return 0;
    if (errno != EINTR) lost(errno);
  }
}

iovec to_iovec(const void* data, std::size_t size) { return {const_cast<void*>(data), size}; }

/// Leaves out what was sent.
std::span<iovec> without(std::span<iovec> pieces, std::size_t sent) {
  while (!pieces.empty() && sent >= pieces.front().iov_len) {
    sent -= pieces.front().iov_len;
    pieces = pieces.subspan(1);
  }
  if (sent > 0) {
    pieces.front().iov_base = static_cast<std::byte*>(pieces.front().iov_base) + sent;
    pieces.front().iov_len -= sent;
  }
  return pieces;
}

} // namespace

upstream::upstream(stream_socket socket)
    : socket_(std::move(socket)), parser_(http::parser::role::client, limits) {}

task<> upstream::wait(stream_socket::wait_type what) {
  const auto [ec] = co_await socket_.async_wait(what, nothrow);
  if (!ec) co_return;
  if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none)
    throw std::system_error(asio::error::operation_aborted);
  if (cancelled_) lost("is no longer listened to");
  if (ec != asio::error::operation_aborted) lost(ec.message());
}

task<> upstream::send(std::string_view head, std::span<const std::byte> data, std::string_view tail) {
  std::array<iovec, 3> all{to_iovec(head.data(), head.size()), to_iovec(data.data(), data.size()),
                           to_iovec(tail.data(), tail.size())};
  for (auto left = without(all, 0); !left.empty();) {
    if (cancelled_) lost("is no longer listened to");
    const auto sent = send_now(socket_.native_handle(), left);
    left = without(left, sent);
    if (sent == 0) co_await wait(stream_socket::wait_write);
  }
}

void upstream::end_sending() noexcept { ::shutdown(socket_.native_handle(), SHUT_WR); }

void upstream::expect(std::string_view method, bool upgrade) {
  answer_begun_ = over_ = false;
  parser_.expect_any_response_to(method, upgrade);
}

std::optional<std::size_t> upstream::receive_now(std::span<std::byte> into) {
  for (;;) {
    const auto n = ::recv(socket_.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (would_wait(errno)) return std::nullopt;
    if (errno != EINTR) lost(errno);
  }
}

task<bool> upstream::receive() {
  for (;;) {
    // Behind a request there is never an answer yet, so the wait comes first.
    co_await wait(stream_socket::wait_read);
    if (!buffer_) buffer_ = std::make_unique_for_overwrite<std::byte[]>(buffer_size);
    const auto n = receive_now({buffer_.get(), buffer_size});
    if (!n) continue;
    if (*n == 0) co_return false;
    answer_begun_ = true;
    unread_ = {buffer_.get(), *n};
    co_return true;
  }
}

http::parse_step upstream::take(result<http::parse_step> step) {
  if (!step)
    throw error(errc::bad_answer,
                fmt::format("the server in the space gave no valid HTTP answer: {}", step.error().what()));
  unread_ = unread_.subspan(step->taken);
  if (step->what == http::parse_step::kind::head && !head().keep_alive) keep_alive_ = false;
  if (step->what == http::parse_step::kind::end) over_ = true;
  return *step;
}

std::optional<http::parse_step> upstream::next_ready() {
  const auto step = take(parser_.feed(unread_));
  if (step.what == http::parse_step::kind::need_more) return std::nullopt;
  return step;
}

task<http::parse_step> upstream::next() {
  for (;;) {
    if (const auto step = next_ready()) co_return *step;
    if (co_await receive()) continue;
    if (!answer_begun_) lost("closed the connection without an answer");
    keep_alive_ = false;
    const auto step = parser_.finish();
    if (!step || step->what != http::parse_step::kind::end) lost("closed the connection within its answer");
    co_return take(step);
  }
}

task<std::size_t> upstream::read_raw(std::span<std::byte> into) {
  if (!unread_.empty()) { // came with the head
    const auto n = std::min(into.size(), unread_.size());
    std::memcpy(into.data(), unread_.data(), n);
    unread_ = unread_.subspan(n);
    co_return n;
  }
  buffer_.reset();
  for (;;) {
    if (const auto n = receive_now(into)) co_return *n;
    co_await wait(stream_socket::wait_read);
  }
}

void upstream::cancel() noexcept {
  cancelled_ = true;
  std::error_code ignored; // a socket that cannot be cancelled has nothing waiting
  socket_.cancel(ignored);
}

void upstream::reset_on_close() noexcept {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

bool upstream::still_open() noexcept {
  std::byte one{};
  return ::recv(socket_.native_handle(), &one, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && would_wait(errno);
}

void upstream::rest() noexcept {
  buffer_.reset();
  unread_ = {};
  since_ = std::chrono::steady_clock::now();
}

} // namespace clawdspace::proxy
