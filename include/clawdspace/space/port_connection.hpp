#pragma once

#include <clawdspace/core/task.hpp>
#include <clawdspace/core/unique_fd.hpp>
#include <clawdspace/space/space.hpp>

#include <asio/generic/stream_protocol.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <sys/uio.h>

namespace clawdspace::spaces {

/// A connection to something that listens in a space, which is kept awake while it lives. Nothing here ever
/// blocks: the socket came out of the space, so its flags are not relied on, every call says MSG_DONTWAIT.
/// At most one read and one write at a time; any wait may be cancelled, and then nothing was lost. Closed by
/// its destructor.
class port_connection {
 public:
  using socket_type = asio::generic::stream_protocol::socket;

  /// `socket`: connected, and checked for what it is.
  port_connection(const asio::any_io_executor& executor, unique_fd socket, lease held);
  port_connection(port_connection&&) = default;
  port_connection& operator=(port_connection&& other) noexcept;
  ~port_connection();

  /// What is there now: 0 is the end, nothing that there is nothing yet. Throws errc::connection_lost for a
  /// reset.
  std::optional<std::size_t> receive_now(std::span<std::byte> into);
  /// Returns when there is something to receive, the end, or a failure: `receive_now` tells.
  task<> wait_readable();
  /// Both in one: at least a byte, or 0 at the end.
  task<std::size_t> read_some(std::span<std::byte> into);

  /// Sends all of it; returns when the kernel has taken it. Throws errc::connection_lost where nobody will
  /// read it.
  task<> write(std::span<const std::byte> data);
  task<> write(std::string_view text) { return write(std::as_bytes(std::span(text))); }
  /// Sends what the kernel takes at once: 0 where that is nothing. Throws as `write`.
  std::size_t send_now(std::span<const iovec> pieces);
  task<> wait_writable();

  /// No more to send; what comes may still be read.
  void end_sending() noexcept;
  /// Closing resets the connection, so that the peer does not take what it has for whole.
  void reset_on_close() noexcept;

  [[nodiscard]] bool is_open() const noexcept { return socket_.is_open(); }
  [[nodiscard]] socket_type& socket() noexcept { return socket_; }
  [[nodiscard]] const space_ptr& where() const noexcept { return held_.of(); }

 private:
  void close() noexcept;

  lease held_;
  socket_type socket_;
  bool resets_ = false;
};

} // namespace clawdspace::spaces
