#pragma once

#include "connection.hpp"
#include <clawdspace/engine/client.hpp>
#include <clawdspace/engine/frames.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace clawdspace::engine {

/// A hijacked connection. Destroying it closes it: a process whose output is still to come should be read to
/// its end instead, for the Engine takes a broken reader for the end of the process (its exec then reads as
/// exited with 126 while it runs on).
class raw_stream final : public exec_stream {
 public:
  /// `first`: what came along with the answer's head.
  raw_stream(stream_socket socket, std::vector<std::byte> first, bool tty);

  task<piece> read() override;
  task<> write(std::span<const std::byte> data) override;
  void close_input() override;

 private:
  task<> fill();

  stream_socket socket_;
  bool tty_;
  demultiplexer frames_;
  std::vector<std::byte> first_;
  std::unique_ptr<std::byte[]> buffer_; ///< made by the first read: an idle stream costs next to nothing
  std::span<std::byte> unread_;
  int flood_ = 0; ///< reads in a row that gave a whole frame or more
  bool ended_ = false;
};

} // namespace clawdspace::engine
