#pragma once

#include <clawdspace/core/unique_fd.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace clawdspace::test {

/// A TCP client that sends what no proper one would. Every wait is bounded; past it, or where the server
/// resets, it throws.
class raw_client {
 public:
  /// One that is not connected yet.
  raw_client();
  explicit raw_client(unsigned short port, int receive_buffer = 0);
  raw_client& connect(unsigned short port);

  raw_client& send(std::string_view text);
  /// Sends until the server takes no more or has gone; for a server that stops reading.
  void send_as_far_as_possible(std::string_view text);
  void half_close();
  /// Closes with a reset.
  void reset();
  /// From now on the kernel drops what comes in: the server sees no acknowledgement any more.
  void fall_silent();

  /// Up to and with `end`.
  std::string receive_to(std::string_view end);
  std::string receive(std::size_t size);
  /// Up to the server's close.
  std::string receive_all();
  /// Whether the server closes, or resets, within the bound.
  bool sees_close();

  /// A whole response whose length is given: its head, and the body.
  struct answer {
    int status = 0;
    std::string head;
    std::string body;
  };
  answer receive_answer(bool has_body = true);

  [[nodiscard]] int fd() const { return socket_.value(); }

 private:
  /// What is there, 0 at the end.
  std::size_t fill();

  unique_fd socket_;
  std::string received_;
};

} // namespace clawdspace::test
