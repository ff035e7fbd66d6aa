#pragma once

#include <clawdspace/core/error.hpp>
#include <clawdspace/core/task.hpp>
#include <clawdspace/engine/endpoint.hpp>
#include <clawdspace/http/parser.hpp>

#include <asio/generic/stream_protocol.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace clawdspace::engine {

using stream_socket = asio::generic::stream_protocol::socket;

/// Sends what the socket takes at once, and waits for room for the rest. Throws std::system_error.
task<> send_all(stream_socket& to, std::span<const std::byte> data);

/// The connection ended where an answer was due.
class connection_lost : public error {
 public:
  connection_lost(const std::string& what, bool request_sent, bool answer_begun)
      : error(errc::engine_unavailable, what), request_sent_(request_sent), answer_begun_(answer_begun) {}

  /// Whether the Engine may have acted on the request.
  [[nodiscard]] bool request_sent() const noexcept { return request_sent_; }
  [[nodiscard]] bool answer_begun() const noexcept { return answer_begun_; }

 private:
  bool request_sent_;
  bool answer_begun_;
};

/// One connection to the Engine: requests out, answers in, one after the other. A call that was not read to
/// its end (it failed, or was cancelled) leaves a connection that must not be used again: destroy it.
class connection {
 public:
  /// Throws errc::engine_unavailable with the system's words.
  static task<std::unique_ptr<connection>> open(const endpoint& where);

  connection(stream_socket socket, std::string peer);

  /// Sends a request, or its beginning.
  task<> send(std::span<const std::byte> data);
  /// The same for a part of a body; true where the Engine has answered, or gone, before it was all sent.
  task<bool> send_unless_answered(std::span<const std::byte> data);

  /// The head of the answer to what was sent. `stream`: a 101, or a 200 without a length, becomes a stream.
  task<http::response_head> read_head(std::string_view method, bool stream);
  /// The next piece of the answer's body, valid until the next read; empty: it is over.
  task<std::span<const std::byte>> read_body();

  /// Whether the answer was read to its end and another request may follow.
  [[nodiscard]] bool reusable() const;
  /// Whether an idle connection still stands: neither closed nor with bytes that nobody asked for.
  [[nodiscard]] bool still_open();
  [[nodiscard]] bool is_stream() const noexcept { return upgraded_; }

  /// Of a stream: its socket and the bytes that came along with the head.
  std::pair<stream_socket, std::vector<std::byte>> release();

 private:
  task<http::parse_step> next_step();
  task<> receive();
  [[noreturn]] void lost(std::string_view how) const;
  [[noreturn]] void lost(const std::error_code& how) const;

  stream_socket socket_;
  std::string peer_; ///< for sentences
  http::parser parser_;
  std::vector<std::byte> buffer_;
  std::span<const std::byte> unread_;
  bool request_sent_ = false;
  bool answer_begun_ = false;
  bool over_ = true;
  bool keep_alive_ = true;
  bool upgraded_ = false;
};

} // namespace clawdspace::engine
