#pragma once

#include <cstdint>
#include <string>

namespace bench {

/// A raw stream that is read as slowly as its owner likes.
class stream_reader {
 public:
  stream_reader(int port, const std::string& target, const std::string& headers, const std::string& body);
  ~stream_reader();
  stream_reader(const stream_reader&) = delete;
  stream_reader& operator=(const stream_reader&) = delete;

  /// Waits for at most `most` bytes, framing included; false at the end.
  bool read_some(std::size_t most);
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  int fd_;
  std::uint64_t size_ = 0;
};

/// A raw stream of lines `line N`, read as they come, that must count from 0 up.
class line_stream {
 public:
  line_stream(int port, const std::string& target, const std::string& headers, const std::string& body);
  ~line_stream();
  line_stream(const line_stream&) = delete;
  line_stream& operator=(const line_stream&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  /// Takes what is there; false at the end. Ends the program where a line is not the one that is due.
  bool take();
  [[nodiscard]] int lines() const { return lines_; }

 private:
  bool take_bytes(const char* data, std::size_t size);
  void take_payload(char c);

  enum class part { head, size, size_end, payload, payload_end, over };
  part part_ = part::head;
  int head_matched_ = 0; ///< of CR LF CR LF
  std::uint64_t left_ = 0;
  int fd_;
  std::string line_;
  int lines_ = 0;
};

} // namespace bench
