#pragma once

#include <clawdspace/core/unique_fd.hpp>

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

namespace clawdspace::test {

/// A connection that an odd server took. Every wait is bounded; past it a read says what there is.
class odd_connection {
 public:
  explicit odd_connection(unique_fd socket) : socket_(std::move(socket)) {}

  /// Up to and with `end`; what came, where the peer closes before.
  std::string receive_to(std::string_view end);
  std::string receive(std::size_t size);
  void send(std::string_view text);
  void end_sending();
  /// Whether the peer closes, or resets, within the bound.
  bool sees_close();

 private:
  bool fill();

  unique_fd socket_;
  std::string received_;
};

/// A server on a loopback port, one thread and one connection at a time, that does what no proper one would.
class odd_server {
 public:
  /// `serve` gets each connection, with its number from 0 on.
  explicit odd_server(std::function<void(odd_connection&, int)> serve);
  ~odd_server();
  odd_server(const odd_server&) = delete;
  odd_server& operator=(const odd_server&) = delete;

  [[nodiscard]] unsigned short port() const noexcept { return port_; }
  [[nodiscard]] int connections() const noexcept { return taken_; }

 private:
  void run();

  std::function<void(odd_connection&, int)> serve_;
  unique_fd listener_;
  unsigned short port_ = 0;
  std::atomic<int> taken_{0};
  std::thread thread_;
};

} // namespace clawdspace::test
