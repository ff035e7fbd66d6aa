#include "stream_reader.hpp"

#include "http.hpp"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace bench {

namespace {

int open_stream(int port, const std::string& target, const std::string& headers, const std::string& body) {
  auto c = connection::tcp(port);
  c.send("POST", target, headers + "Connection: close\r\n", body);
  return c.release();
}

} // namespace

stream_reader::stream_reader(int port, const std::string& target, const std::string& headers,
                             const std::string& body)
    : fd_(open_stream(port, target, headers, body)) {}

stream_reader::~stream_reader() { ::close(fd_); }

bool stream_reader::read_some(std::size_t most) {
  std::vector<char> buffer(most);
  const auto n = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (n < 0) die(fmt::format("reading a stream: {}", std::strerror(errno)));
  size_ += static_cast<std::uint64_t>(n);
  return n > 0;
}

line_stream::line_stream(int port, const std::string& target, const std::string& headers,
                         const std::string& body)
    : fd_(open_stream(port, target, headers, body)) {}

line_stream::~line_stream() { ::close(fd_); }

bool line_stream::take() {
  std::array<char, 8192> buffer{};
  const auto n = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN) return true;
  if (n < 0) die(fmt::format("reading a stream: {}", std::strerror(errno)));
  if (n == 0 && part_ != part::over) die("a stream was cut short");
  return take_bytes(buffer.data(), static_cast<std::size_t>(n));
}

void line_stream::take_payload(char c) {
  if (c != '\n') {
    line_ += c;
    return;
  }
  if (line_ != fmt::format("line {}", lines_))
    die(fmt::format("\"{}\" came where line {} was due", line_, lines_));
  ++lines_;
  line_.clear();
}

bool line_stream::take_bytes(const char* data, std::size_t size) {
  constexpr std::string_view blank = "\r\n\r\n";
  for (std::size_t i = 0; i < size; ++i) {
    const char c = data[i];
    switch (part_) {
    case part::head:
      head_matched_ =
          c == blank[static_cast<std::size_t>(head_matched_)] ? head_matched_ + 1 : (c == '\r' ? 1 : 0);
      if (head_matched_ == 4) part_ = part::size;
      break;
    case part::size:
      if (std::isxdigit(static_cast<unsigned char>(c)) != 0)
        left_ = left_ * 16 + static_cast<std::uint64_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
      else
        part_ = part::size_end;
      break;
    case part::size_end: // the LF
      part_ = left_ > 0 ? part::payload : part::over;
      break;
    case part::payload:
      take_payload(c);
      if (--left_ == 0) part_ = part::payload_end;
      break;
    case part::payload_end:
      if (c == '\n') part_ = part::size;
      break;
    case part::over: // trailers
      break;
    }
  }
  return size > 0;
}

} // namespace bench
