#include "raw_stream.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <sys/socket.h>
#include <utility>

namespace clawdspace::engine {

namespace {

constexpr std::size_t buffer_size = 256 << 10;

// A process at full speed comes a frame (32 KiB) at a time, and a frame at a time it would wake us and we our
// client: on a small machine the wake-ups cost more than the bytes. After a megabyte of nothing but whole
// frames a rest before each read lets several come together; it is less than the Engine's socket takes to
// fill.
constexpr std::size_t whole_frame = 16 << 10;
constexpr int frames_of_a_flood = 32;
constexpr std::chrono::microseconds rest{250};

[[noreturn]] void broken(const std::error_code& ec) {
  if (ec == asio::error::operation_aborted) throw std::system_error(ec);
  throw error(errc::engine_failed, fmt::format("the Engine's stream of a command broke: {}", ec.message()));
}

} // namespace

raw_stream::raw_stream(stream_socket socket, std::vector<std::byte> first, bool tty)
    : socket_(std::move(socket)), tty_(tty), first_(std::move(first)), unread_(first_) {}

task<exec_stream::piece> raw_stream::read() {
  for (;;) {
    if (tty_ && !unread_.empty()) co_return piece{channel::stdout_, std::exchange(unread_, {})};
    while (!unread_.empty()) {
      const auto got = value_or_throw(frames_.feed(unread_));
      unread_ = unread_.subspan(got.taken);
      if (!got.data.empty()) co_return piece{got.from, got.data};
    }
    if (ended_) co_return piece{};
    co_await fill();
  }
}

/// Waits first and reads then, so that a wait that is cancelled takes nothing with it.
task<> raw_stream::fill() {
  if (flood_ >= frames_of_a_flood) {
    asio::steady_timer timer{socket_.get_executor(), rest};
    co_await timer.async_wait(asio::use_awaitable);
  }
  for (;;) {
    if (!buffer_) {
      first_ = {};
      buffer_ = std::make_unique_for_overwrite<std::byte[]>(buffer_size);
    }
    const auto got = ::recv(socket_.native_handle(), buffer_.get(), buffer_size, MSG_DONTWAIT);
    if (got > 0) {
      unread_ = {buffer_.get(), static_cast<std::size_t>(got)};
      flood_ = unread_.size() >= whole_frame ? flood_ + 1 : 0;
      co_return;
    }
    if (got == 0) {
      if (!frames_.between_frames())
        throw error(errc::engine_failed, "the Engine's stream of a command ended within a frame");
      ended_ = true;
      co_return;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) broken({errno, std::system_category()});
    auto [ec] = co_await socket_.async_wait(stream_socket::wait_read, nothrow);
    if (ec) broken(ec);
  }
}

task<> raw_stream::write(std::span<const std::byte> data) {
  try {
    co_await send_all(socket_, data);
  } catch (const std::system_error& e) {
    broken(e.code());
  }
}

void raw_stream::close_input() {
  // Where the other side is gone already there is nothing left to close; reading tells.
  ::shutdown(socket_.native_handle(), SHUT_WR);
}

} // namespace clawdspace::engine
