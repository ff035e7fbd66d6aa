#include "raw_client.hpp"

#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <system_error>

namespace clawdspace::test {

namespace {

constexpr int patience_ms = 10'000;

void check(bool good, const char* what) {
  if (!good) throw std::system_error(errno, std::system_category(), what);
}

} // namespace

raw_client::raw_client() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  check(static_cast<bool>(socket_), "socket");
}

raw_client::raw_client(unsigned short port, int receive_buffer) : raw_client() {
  if (receive_buffer > 0)
    check(::setsockopt(fd(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer) == 0,
          "SO_RCVBUF");
  connect(port);
}

raw_client& raw_client::connect(unsigned short port) {
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr generic{};
  static_assert(sizeof generic == sizeof where);
  std::memcpy(&generic, &where, sizeof where);
  check(::connect(fd(), &generic, sizeof generic) == 0, "connect");
  return *this;
}

raw_client& raw_client::send(std::string_view text) {
  while (!text.empty()) {
    pollfd ready{fd(), POLLOUT, 0};
    if (::poll(&ready, 1, patience_ms) != 1) throw std::runtime_error("the server took nothing in time");
    const auto n = ::send(fd(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) continue;
    check(n >= 0, "send");
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return *this;
}

void raw_client::send_as_far_as_possible(std::string_view text) {
  while (!text.empty()) {
    pollfd ready{fd(), POLLOUT, 0};
    if (::poll(&ready, 1, 500) != 1) return;
    const auto n = ::send(fd(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) continue;
    if (n < 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

void raw_client::half_close() { check(::shutdown(fd(), SHUT_WR) == 0, "shutdown"); }

void raw_client::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  check(::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0, "SO_LINGER");
  socket_.reset();
}

void raw_client::fall_silent() {
  sock_filter drop_all[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
  const sock_fprog program{.len = 1, .filter = drop_all};
  check(::setsockopt(fd(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0, "SO_ATTACH_FILTER");
}

std::size_t raw_client::fill() {
  pollfd ready{fd(), POLLIN, 0};
  if (::poll(&ready, 1, patience_ms) != 1) throw std::runtime_error("the server said nothing in time");
  std::array<char, 65536> piece;
  const auto n = ::recv(fd(), piece.data(), piece.size(), 0);
  check(n >= 0, "recv");
  received_.append(piece.data(), static_cast<std::size_t>(n));
  return static_cast<std::size_t>(n);
}

std::string raw_client::receive_to(std::string_view end) {
  for (;;) {
    const auto at = received_.find(end);
    if (at != received_.npos) {
      auto text = received_.substr(0, at + end.size());
      received_.erase(0, at + end.size());
      return text;
    }
    if (fill() == 0) throw std::runtime_error("the server closed after: " + received_);
  }
}

std::string raw_client::receive(std::size_t size) {
  while (received_.size() < size)
    if (fill() == 0) throw std::runtime_error("the server closed after: " + received_);
  auto text = received_.substr(0, size);
  received_.erase(0, size);
  return text;
}

std::string raw_client::receive_all() {
  while (fill() > 0) {
  }
  return std::exchange(received_, {});
}

bool raw_client::sees_close() {
  try {
    receive_all();
    return true;
  } catch (const std::system_error& e) {
    return e.code() == std::errc::connection_reset;
  }
}

raw_client::answer raw_client::receive_answer(bool has_body) {
  answer a;
  a.head = receive_to("\r\n\r\n");
  a.status = std::stoi(a.head.substr(9, 3));
  const auto at = a.head.find("Content-Length: ");
  if (has_body && at != a.head.npos) a.body = receive(std::stoul(a.head.substr(at + 16)));
  return a;
}

} // namespace clawdspace::test
