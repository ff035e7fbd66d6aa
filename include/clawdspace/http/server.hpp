#pragma once

#include <clawdspace/core/nursery.hpp>
#include <clawdspace/core/poller.hpp>
#include <clawdspace/core/task.hpp>
#include <clawdspace/core/units.hpp>
#include <clawdspace/http/exchange.hpp>

#include <asio/ip/tcp.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>

namespace clawdspace::http {

struct server_limits {
  std::size_t connections = 10'000; ///< past it a connection gets a 503 and is closed
  bytes head = 64_KiB;              ///< request line and header lines; past it 431 (414 for the line alone)
  std::size_t header_count = 100;   ///< past it 431
  std::chrono::milliseconds idle{75'000};       ///< between requests on a kept connection
  std::chrono::milliseconds head_time{15'000};  ///< from a request's first byte to the end of its head
  std::chrono::milliseconds body_time{60'000};  ///< longest silence inside a request's body
  std::chrono::milliseconds write_time{60'000}; ///< longest time that the peer takes no byte and is not alive
  std::chrono::milliseconds websocket_ping{30'000};    ///< between two pings
  std::chrono::milliseconds websocket_silence{60'000}; ///< longest time without a byte from the peer
  std::chrono::milliseconds websocket_close{5'000};    ///< what the closing handshake gets
  std::chrono::milliseconds drain{
      10'000}; ///< what requests get to end after stop() before they are cancelled
};

/// What the server asks of its owner.
struct server_hooks {
  /// Answers a request. Who may pass, routing and error responses are the owner's.
  std::function<task<>(exchange&)> handle;
  /// The response for what `handle` threw, or for a request that is refused before it has a handler. Null
  /// `request` where the head could not be read.
  std::function<response(std::exception_ptr, const request_head* request)> problem;
  /// After each request: one log line. Status 0 where the client left before an answer.
  std::function<void(const exchange&, int status, std::chrono::microseconds took)> done;
};

/// HTTP/1.1 (RFC 9112) over TCP: keep-alive, pipelining, 100-continue, HEAD, chunked bodies both ways,
/// trailers out. Ambiguous framing is refused and its connection closed.
class server {
 public:
  server(const asio::any_io_executor& executor, server_limits limits, server_hooks hooks);
  ~server();

  /// Binds and listens; returns the endpoint with the port that was given for port 0. Throws
  /// std::system_error.
  asio::ip::tcp::endpoint listen(const asio::ip::tcp::endpoint& where);

  /// Accepts and serves until `stop`; returns when the last connection has ended.
  task<> run();

  /// Stops accepting, closes idle connections, lets requests end within `limits.drain`, then cancels them. A
  /// second call cancels at once.
  void stop();

  [[nodiscard]] bool stopping() const noexcept;
  [[nodiscard]] std::size_t connection_count() const noexcept;

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace clawdspace::http
