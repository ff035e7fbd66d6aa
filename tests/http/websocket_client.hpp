#pragma once

#include "raw_client.hpp"

#include <string>
#include <string_view>

namespace clawdspace::test {

inline constexpr std::string_view websocket_request =
    "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// A WebSocket's client, by hand: nothing is answered by itself.
class websocket_client : public raw_client {
 public:
  /// Connects and does the handshake; `behind` follows the request in the same segment.
  explicit websocket_client(unsigned short port, std::string_view behind = {}, int receive_buffer = 0,
                            std::string_view path = "/");

  websocket_client& send_frame(unsigned head, std::string_view payload);
  websocket_client& send_text(std::string_view text) { return send_frame(0x81, text); }

  struct frame {
    unsigned head = 0; ///< FIN, reserved bits and opcode
    std::string payload;
    [[nodiscard]] unsigned code() const; ///< of a close frame; 0 without one
  };
  frame receive_frame();
  /// The next message, put together; what comes between its fragments is dropped.
  frame receive_message();
  /// The next close frame, whatever comes before it.
  frame receive_close();
};

} // namespace clawdspace::test
