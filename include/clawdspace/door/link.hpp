#pragma once

#include <clawdspace/core/task.hpp>
#include <clawdspace/door/descriptors.hpp>

#include <asio/posix/stream_descriptor.hpp>

#include <cstddef>
#include <deque>
#include <memory>
#include <string>

namespace clawdspace::door {

/// One connection of a space's. Nothing here waits for a peer that does not read: what it does not take is
/// kept, up to a limit.
class link : public std::enable_shared_from_this<link> {
 public:
  /// `peer`: the connection's process, as SO_PEERCRED has it; 0 where it is in no namespace of ours.
  link(const asio::any_io_executor& executor, unique_fd socket, pid_t peer);
  link(const link&) = delete;
  link& operator=(const link&) = delete;

  [[nodiscard]] pid_t peer() const noexcept { return peer_; }
  [[nodiscard]] bool is_open() const noexcept { return socket_.is_open(); }
  [[nodiscard]] int socket() { return socket_.native_handle(); }
  /// Whether the other side has closed.
  [[nodiscard]] bool is_dead();

  enum class weight {
    command, ///< refused (errc::overloaded) where much waits already
    control, ///< must go out: where too much waits, the peer does not read at all and the link is closed
  };
  /// Sends a frame, or keeps it. False where the link is closed.
  bool send(std::string frame, descriptors with, weight as);

  /// Returns when there is something to receive, or the link is closed.
  task<> readable();

  void close();

 private:
  struct waiting {
    std::string frame;
    descriptors with;
  };
  enum class sent { whole, later, never };
  sent try_send(const std::string& frame, const descriptors& with);
  void flush_when_writable();
  void flush();

  asio::posix::stream_descriptor socket_;
  pid_t peer_;
  std::deque<waiting> queue_;
  std::size_t queued_ = 0; ///< bytes of frames
};

} // namespace clawdspace::door
