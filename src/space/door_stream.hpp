#pragma once

#include <clawdspace/core/revision.hpp>
#include <clawdspace/core/unique_fd.hpp>
#include <clawdspace/door/followed.hpp>

#include <asio/posix/stream_descriptor.hpp>

#include <memory>
#include <optional>

namespace clawdspace::spaces {

/// The daemon's end of a command's pipe, or its terminal: non-blocking, and known to the loop only once
/// somebody has had to wait for it. What becomes of it is told by the command's `changed`.
class door_stream {
 public:
  explicit door_stream(const asio::any_io_executor& executor) : executor_(executor) {}
  door_stream(const door_stream&) = delete;
  door_stream& operator=(const door_stream&) = delete;
  ~door_stream() { close(); }

  void open(unique_fd fd, std::shared_ptr<door::followed> about);
  void close();
  [[nodiscard]] bool is_open() const noexcept { return static_cast<bool>(fd_); }
  [[nodiscard]] int value() const noexcept { return fd_.value(); }

  /// Whether a read may give something: until one gave nothing, and again when there is news.
  [[nodiscard]] bool may_read() const noexcept { return fd_ && state_->may_read; }
  void set_empty() noexcept { state_->may_read = false; }
  void look_again() noexcept {
    if (state_) state_->may_read = true;
  }

  /// Has `changed` grow when there is something to read, or room to write.
  void watch_reading();
  void watch_writing();

 private:
  struct state {
    std::shared_ptr<door::followed> about;
    bool may_read = true;
    bool reading = false; ///< is watched for
    bool writing = false;
  };
  asio::posix::stream_descriptor& watched();

  asio::any_io_executor executor_;
  unique_fd fd_;
  std::optional<asio::posix::stream_descriptor> watched_;
  std::shared_ptr<state> state_;
};

} // namespace clawdspace::spaces
