#include "websocket.hpp"

#include "http.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

websocket::websocket(int port, const std::string& target, const std::string& headers) {
  auto c = connection::tcp(port);
  c.send("GET", target,
         headers + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n",
         "");
  const auto answer = c.read_head();
  if (answer.status != 101) die(fmt::format("the terminal's handshake: {}", answer.status));
  raw_ = c.rest();
  fd_ = c.release();
}

websocket::~websocket() { ::close(fd_); }

void websocket::send(std::string_view binary) {
  // Masked with zeroes, as any other mask would do (section 5.3).
  std::string frame{static_cast<char>(0x82), static_cast<char>(0x80 | binary.size()), 0, 0, 0, 0};
  frame += binary;
  if (::send(fd_, frame.data(), frame.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(frame.size()))
    die(fmt::format("sending a keystroke: {}", std::strerror(errno)));
}

void websocket::receive() {
  std::array<char, 16'384> buffer{};
  const auto n = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (n <= 0) die("the terminal was closed");
  raw_.append(buffer.data(), static_cast<std::size_t>(n));
  for (;;) {
    if (raw_.size() < 2) return;
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(raw_[i]); };
    std::size_t head = 2;
    std::uint64_t size = byte(1) & 0x7f;
    if (size >= 126) {
      const std::size_t more = size == 126 ? 2 : 8;
      if (raw_.size() < head + more) return;
      size = 0;
      for (std::size_t i = 0; i < more; ++i) size = size << 8 | byte(head + i);
      head += more;
    }
    if (raw_.size() < head + size) return;
    const auto opcode = byte(0) & 0x0f;
    if (opcode == 2 || opcode == 0) seen_.append(raw_, head, size);
    if (opcode == 8) die("the terminal was closed");
    raw_.erase(0, head + size);
  }
}

void websocket::wait_for(std::string_view text) {
  for (;;) {
    if (const auto at = seen_.find(text); at != std::string::npos) {
      seen_.erase(0, at + text.size());
      return;
    }
    receive();
  }
}

} // namespace bench
