#pragma once

#include <clawdspace/http/exchange.hpp>
#include <clawdspace/proxy/forward.hpp>

namespace clawdspace::proxy {

/// Tells whether what passes on a WebSocket means something: a control frame (ping, pong, close) is no use of
/// a space. Knows frame heads and nothing else; what is no WebSocket always means something.
class use_scanner {
 public:
  explicit use_scanner(bool is_websocket) : is_websocket_(is_websocket) {}
  bool take(std::span<const std::byte> data);

 private:
  void take_head(std::byte next);

  bool is_websocket_;
  std::array<std::byte, 14> head_{};
  std::size_t have_ = 0;
  bool control_ = false;
  std::uint64_t left_ = 0; ///< of the frame's payload
};

/// Bytes both ways until both ends have said all, half-closes kept; a failure of one resets the other.
task<> tunnel(http::raw_stream& client, upstream& server, const errand& how, bool is_websocket);

} // namespace clawdspace::proxy
