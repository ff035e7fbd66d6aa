#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace bench {

/// A blocking HTTP/1.1 client for one connection: as little as a measurement needs, the same code on both
/// sides of every comparison. Ends the program with a sentence where something goes wrong: a measurement that
/// failed has no figure.
class connection {
 public:
  static connection unix_socket(const std::string& path);
  static connection tcp(int port);
  static std::optional<connection> try_tcp(int port);
  connection(connection&& other) noexcept : fd_(other.fd_), buffer_(std::move(other.buffer_)) {
    other.fd_ = -1;
  }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection();

  struct answer {
    int status = 0;
    std::map<std::string, std::string> headers; ///< names in lower case
    std::string body;                           ///< unless it was discarded
    std::uint64_t size = 0;                     ///< of the body, decoded
    double first_byte = 0;                      ///< of a chunked body: seconds from the request
  };

  /// `headers` are whole lines. `keep_body` false: the body is read and forgotten.
  answer call(std::string_view method, const std::string& target, const std::string& headers,
              std::string_view body, bool keep_body = true);

  // The parts of a call, for what becomes something else than an answer.
  void send(std::string_view method, const std::string& target, const std::string& headers,
            std::string_view body) const;
  answer read_head();
  /// What has been read and not used yet.
  [[nodiscard]] std::string rest() const { return buffer_.substr(at_); }
  /// The socket becomes the caller's.
  int release() { return std::exchange(fd_, -1); }

  /// Sends a request that hijacks the connection and reads its head; returns the status.
  int hijack(const std::string& target, std::string_view body);
  /// Reads the multiplexed stream to its end and returns the payload's size.
  std::uint64_t read_frames();

 private:
  explicit connection(int fd) : fd_(fd) {}
  bool fill();
  std::string take_line();
  void take(std::uint64_t size, std::string* into);

  int fd_;
  std::string buffer_;
  std::size_t at_ = 0; ///< what of the buffer has been used
};

[[noreturn]] void die(const std::string& why);

} // namespace bench
