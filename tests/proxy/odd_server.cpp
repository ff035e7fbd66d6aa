#include "odd_server.hpp"

#include <arpa/inet.h>
#include <array>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>

namespace clawdspace::test {

namespace {

constexpr int patience_ms = 10'000;

} // namespace

bool odd_connection::fill() {
  pollfd ready{socket_.value(), POLLIN, 0};
  if (::poll(&ready, 1, patience_ms) != 1) return false;
  std::array<char, 65536> piece;
  const auto n = ::recv(socket_.value(), piece.data(), piece.size(), 0);
  if (n <= 0) return false;
  received_.append(piece.data(), static_cast<std::size_t>(n));
  return true;
}

std::string odd_connection::receive_to(std::string_view end) {
  for (;;) {
    const auto at = received_.find(end);
    if (at != std::string::npos) {
      auto text = received_.substr(0, at + end.size());
      received_.erase(0, at + end.size());
      return text;
    }
    if (!fill()) return std::exchange(received_, {});
  }
}

std::string odd_connection::receive(std::size_t size) {
  while (received_.size() < size && fill()) {
  }
  auto text = received_.substr(0, size);
  received_.erase(0, text.size());
  return text;
}

void odd_connection::send(std::string_view text) {
  while (!text.empty()) {
    const auto n = ::send(socket_.value(), text.data(), text.size(), MSG_NOSIGNAL);
    if (n <= 0) return; // what the proxy makes of it is the test
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

void odd_connection::end_sending() { ::shutdown(socket_.value(), SHUT_WR); }

bool odd_connection::sees_close() {
  pollfd ready{socket_.value(), POLLIN, 0};
  std::array<char, 65536> scrap;
  while (::poll(&ready, 1, patience_ms) == 1)
    if (::recv(socket_.value(), scrap.data(), scrap.size(), 0) <= 0) return true;
  return false;
}

odd_server::odd_server(std::function<void(odd_connection&, int)> serve)
    : serve_(std::move(serve)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  auto* address = reinterpret_cast<sockaddr*>(&where);
  if (!listener_ || ::bind(listener_.value(), address, size) != 0 || ::listen(listener_.value(), 64) != 0 ||
      ::getsockname(listener_.value(), address, &size) != 0)
    throw std::runtime_error("no listener");
  port_ = ntohs(where.sin_port);
  thread_ = std::thread([this] { run(); });
}

odd_server::~odd_server() {
  ::shutdown(listener_.value(), SHUT_RDWR); // wakes accept(2)
  thread_.join();
}

void odd_server::run() {
  for (;;) {
    unique_fd fd(::accept4(listener_.value(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) return;
    odd_connection one(std::move(fd));
    serve_(one, taken_++);
  }
}

} // namespace clawdspace::test
