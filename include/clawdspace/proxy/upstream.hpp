#pragma once

#include <clawdspace/core/task.hpp>
#include <clawdspace/http/parser.hpp>

#include <asio/generic/stream_protocol.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace clawdspace::proxy {

using stream_socket = asio::generic::stream_protocol::socket;

/// One HTTP/1.1 connection to a server in a space: requests out, answers in, one after the other. The server
/// is nobody to trust: every size is bounded, framing that could be read two ways is errc::bad_answer, and no
/// call blocks whatever the flags of a socket that came from there. An exchange that was not read to its end
/// leaves a connection that must not be used again. One coroutine may send while another reads.
class upstream {
 public:
  explicit upstream(stream_socket socket);

  /// Sends all of the pieces. Throws errc::connection_lost where the server takes no more.
  task<> send(std::string_view head, std::span<const std::byte> data = {}, std::string_view tail = {});
  void end_sending() noexcept;

  /// A request is about to be sent; `upgrade`: it asks for another protocol.
  void expect(std::string_view method, bool upgrade);
  /// What comes next of the answer. Throws errc::bad_answer, errc::connection_lost for one that is cut short.
  task<http::parse_step> next();
  /// The same of what has arrived already; nothing where that is not enough.
  std::optional<http::parse_step> next_ready();
  [[nodiscard]] http::response_head& head() { return parser_.response(); }
  [[nodiscard]] http::fields& trailers() { return parser_.trailers(); }

  /// Behind a 101: at least a byte, or 0 at the end. Throws errc::connection_lost.
  task<std::size_t> read_raw(std::span<std::byte> into);

  /// Ends every wait: they throw errc::connection_lost.
  void cancel() noexcept;
  /// Closing resets the connection.
  void reset_on_close() noexcept;

  /// Whether a byte of the present answer has come.
  [[nodiscard]] bool answer_begun() const noexcept { return answer_begun_; }
  /// Whether the answer was read to its end and another request may follow.
  [[nodiscard]] bool reusable() const noexcept {
    return over_ && keep_alive_ && !cancelled_ && unread_.empty();
  }
  /// Whether an idle connection still stands: neither closed nor with bytes that nobody asked for.
  [[nodiscard]] bool still_open() noexcept;

  /// It is put aside: holds no buffer meanwhile.
  void rest() noexcept;
  [[nodiscard]] std::chrono::steady_clock::time_point resting_since() const noexcept { return since_; }

 private:
  /// False at the end.
  task<bool> receive();
  std::optional<std::size_t> receive_now(std::span<std::byte> into);
  task<> wait(stream_socket::wait_type what);
  http::parse_step take(result<http::parse_step> step);

  stream_socket socket_;
  http::parser parser_;
  std::unique_ptr<std::byte[]> buffer_;
  std::span<const std::byte> unread_;
  bool answer_begun_ = false;
  bool over_ = true;
  bool keep_alive_ = true;
  bool cancelled_ = false;
  std::chrono::steady_clock::time_point since_{};
};

} // namespace clawdspace::proxy
