#pragma once

#include <clawdspace/core/task.hpp>
#include <clawdspace/core/units.hpp>
#include <clawdspace/http/message.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace clawdspace::http {

/// Why a WebSocket ends (RFC 6455 section 7.4).
enum class close_code : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  no_status = 1005, ///< the peer gave none; never sent
  abnormal = 1006,  ///< the connection ended without a word; never sent
  invalid_data = 1007,
  policy_violation = 1008,
  too_big = 1009,
  internal_error = 1011,
  try_again_later = 1013,
};

/// What came in on a WebSocket. `data` is valid until the next read.
struct websocket_message {
  enum class kind {
    text,   ///< a whole text message, valid UTF-8
    binary, ///< a piece of a binary message, as it arrived
    closed, ///< nothing comes any more
  };
  kind what = kind::closed;
  std::span<const std::byte> data;
  bool first = true; ///< whether a binary message begins with this piece
  bool last = true;  ///< whether it ends with it
  close_code code = close_code::abnormal;
  std::string reason; ///< the peer's words, or ours where we closed; valid UTF-8

  [[nodiscard]] std::string_view text() const {
    return {reinterpret_cast<const char*>(data.data()), data.size()};
  }
};

struct websocket_options {
  /// Those that the handler speaks; the first one that the client offers and that is among them is agreed on.
  std::vector<std::string> protocols;
  /// The largest text message; a larger one closes with 1009. Binary messages have no limit: they are never
  /// collected.
  bytes text_limit = 64_KiB;
  /// Whether a browser's page of that origin may connect. Without it: pages of the request's own Host.
  std::function<bool(std::string_view origin, const request_head& head)> allows_origin;
};

/// A connection that became a WebSocket (RFC 6455, without extensions). Pings are sent and answered, and
/// silence and the closing handshake are bounded, by the server. One coroutine may read while another writes.
class websocket {
 public:
  virtual ~websocket() = default;

  /// The next message or piece of one. Reading is the back-pressure: what is not read is not received. Never
  /// waits for the client to take something. After `closed` always `closed`. May be cancelled: nothing is
  /// lost.
  virtual task<websocket_message> read() = 0;

  /// Sends a message; returns when the socket has taken it. Text must be valid UTF-8. Throws
  /// errc::client_left where the WebSocket is closed or its connection has ended.
  virtual task<> write_text(std::string_view text) = 0;
  virtual task<> write_binary(std::span<const std::byte> data) = 0;

  /// Says goodbye: reads return `closed` from now on, and a write that is under way is the last one, and
  /// ends within a bound (cancelling it would cut its frame, and the goodbye behind it). The client's answer
  /// is awaited, as bounded, after the handler has ended. The first close counts. A handler that returns
  /// without one has closed with 1000, one that throws with 1011.
  virtual void close(close_code code, std::string_view reason = {}) = 0;

  /// The subprotocol that was agreed on; empty for none.
  [[nodiscard]] virtual std::string_view protocol() const = 0;
};

} // namespace clawdspace::http
