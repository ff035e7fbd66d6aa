#include "websocket_client.hpp"

#include "client_frames.hpp"

#include <stdexcept>

namespace clawdspace::test {

websocket_client::websocket_client(unsigned short port, std::string_view behind, int receive_buffer,
                                   std::string_view path)
    : raw_client(port, receive_buffer) {
  send(std::string(websocket_request).replace(4, 1, path).append(behind));
  const auto head = receive_to("\r\n\r\n");
  if (!head.starts_with("HTTP/1.1 101 ")) throw std::runtime_error("no WebSocket: " + head);
}

websocket_client& websocket_client::send_frame(unsigned head, std::string_view payload) {
  send(client_frame(head, payload));
  return *this;
}

unsigned websocket_client::frame::code() const {
  if (payload.size() < 2) return 0;
  return static_cast<unsigned char>(payload[0]) << 8U | static_cast<unsigned char>(payload[1]);
}

websocket_client::frame websocket_client::receive_frame() {
  const auto start = receive(2);
  frame f{.head = static_cast<unsigned char>(start[0]), .payload = {}};
  std::size_t size = static_cast<unsigned char>(start[1]);
  if (size > 127) throw std::runtime_error("a server's frame is masked");
  if (size >= 126) {
    const auto length = receive(size == 126 ? 2 : 8);
    size = 0;
    for (const char c : length) size = size << 8 | static_cast<unsigned char>(c);
  }
  f.payload = receive(size);
  return f;
}

websocket_client::frame websocket_client::receive_message() {
  frame whole;
  for (;;) {
    auto f = receive_frame();
    if ((f.head & 0x08) != 0) continue;
    if (whole.head == 0) whole.head = f.head | 0x80;
    whole.payload += f.payload;
    if ((f.head & 0x80) != 0) return whole;
  }
}

websocket_client::frame websocket_client::receive_close() {
  for (;;) {
    auto f = receive_frame();
    if ((f.head & 0x0f) == 0x08) return f;
  }
}

} // namespace clawdspace::test
