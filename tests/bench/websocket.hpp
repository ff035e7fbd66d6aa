#pragma once

#include <string>
#include <string_view>

namespace bench {

/// A blocking WebSocket client (RFC 6455) for small messages: what a keystroke's echo needs.
class websocket {
 public:
  websocket(int port, const std::string& target, const std::string& headers);
  ~websocket();
  websocket(const websocket&) = delete;
  websocket& operator=(const websocket&) = delete;

  void send(std::string_view binary);
  /// Reads until `text` has come in binary messages, and drops all up to its end.
  void wait_for(std::string_view text);

 private:
  void receive();

  int fd_;
  std::string raw_;  ///< frames that are not whole yet
  std::string seen_; ///< of binary messages
};

} // namespace bench
