#include "http.hpp"

#include "figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace bench {

namespace {
constexpr std::size_t read_size = std::size_t{256} << 10;
}

void die(const std::string& why) {
  fmt::print(stderr, "bench: {}\n", why);
  std::exit(1);
}

connection connection::unix_socket(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) die(fmt::format("the socket's path {} is too long", path));
  std::memcpy(address.sun_path, path.data(), path.size());
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    die(fmt::format("{}: {}", path, std::strerror(errno)));
  return connection(fd);
}

std::optional<connection> connection::try_tcp(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    return std::nullopt;
  }
  return connection(fd);
}

connection connection::tcp(int port) {
  auto made = try_tcp(port);
  if (!made) die(fmt::format("nothing listens on port {}", port));
  return std::move(*made);
}

connection::~connection() {
  if (fd_ >= 0) ::close(fd_);
}

void connection::send(std::string_view method, const std::string& target, const std::string& headers,
                      std::string_view body) const {
  const auto request = fmt::format(
      "{} {} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n{}Content-Length: {}\r\n\r\n{}",
      method, target, headers, body.size(), body);
  for (std::string_view left = request; !left.empty();) {
    const auto n = ::send(fd_, left.data(), left.size(), MSG_NOSIGNAL);
    if (n < 0) die(fmt::format("{} {}: {}", method, target, std::strerror(errno)));
    left.remove_prefix(static_cast<std::size_t>(n));
  }
}

bool connection::fill() {
  if (at_ == buffer_.size()) {
    buffer_.clear();
    at_ = 0;
  }
  const auto have = buffer_.size();
  buffer_.resize(have + read_size);
  const auto n = ::recv(fd_, buffer_.data() + have, read_size, 0);
  if (n < 0) die(fmt::format("reading an answer: {}", std::strerror(errno)));
  buffer_.resize(have + static_cast<std::size_t>(n));
  return n > 0;
}

std::string connection::take_line() {
  for (;;) {
    const auto end = buffer_.find("\r\n", at_);
    if (end != std::string::npos) {
      auto line = buffer_.substr(at_, end - at_);
      at_ = end + 2;
      return line;
    }
    if (!fill()) die("an answer was cut short");
  }
}

void connection::take(std::uint64_t size, std::string* into) {
  while (size > 0) {
    if (at_ == buffer_.size() && !fill()) die("an answer was cut short");
    const auto n = std::min<std::uint64_t>(size, buffer_.size() - at_);
    if (into != nullptr) into->append(buffer_, at_, n);
    at_ += n;
    size -= n;
  }
}

connection::answer connection::read_head() {
  answer head;
  const auto first = take_line();
  if (first.size() < 12) die(fmt::format("\"{}\" is no answer", first));
  head.status = std::atoi(first.c_str() + 9);
  for (auto line = take_line(); !line.empty(); line = take_line()) {
    const auto colon = line.find(':');
    auto name = line.substr(0, colon);
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    head.headers[name] = colon + 2 <= line.size() ? line.substr(colon + 2) : "";
  }
  return head;
}

connection::answer connection::call(std::string_view method, const std::string& target,
                                    const std::string& headers, std::string_view body, bool keep_body) {
  const auto from = now();
  send(method, target, headers, body);
  auto whole = read_head();
  auto* into = keep_body ? &whole.body : nullptr;
  if (whole.headers.contains("content-length")) {
    whole.size = std::strtoull(whole.headers["content-length"].c_str(), nullptr, 10);
    take(whole.size, into);
  } else if (whole.headers.contains("transfer-encoding")) {
    for (;;) {
      const auto size = std::strtoull(take_line().c_str(), nullptr, 16);
      if (size > 0 && whole.first_byte == 0) {
        if (at_ == buffer_.size() && !fill()) die("an answer was cut short");
        whole.first_byte = now() - from;
      }
      take(size, into);
      whole.size += size;
      if (size == 0) break;
      take_line();
    }
    while (!take_line().empty()) {
    } // trailers
  }
  return whole;
}

int connection::hijack(const std::string& target, std::string_view body) {
  send("POST", target, "Connection: Upgrade\r\nUpgrade: tcp\r\n", body);
  return read_head().status;
}

std::uint64_t connection::read_frames() {
  std::uint64_t total = 0;
  for (;;) {
    if (at_ == buffer_.size() && !fill()) return total;
    std::string header;
    take(8, &header);
    std::uint32_t size = 0;
    std::memcpy(&size, header.data() + 4, sizeof size);
    take(ntohl(size), nullptr);
    total += ntohl(size);
  }
}

} // namespace bench
