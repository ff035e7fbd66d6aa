#pragma once

#include <clawdspace/core/task.hpp>
#include <clawdspace/core/unique_fd.hpp>

#include <asio/posix/stream_descriptor.hpp>

#include <filesystem>
#include <optional>
#include <sys/types.h>

namespace clawdspace::door {

/// The socket in a space's folder, at which its init knocks. It is put in place whole, over a stale one if
/// there is one: whoever connects finds a listening socket or none. However long the path is.
class listener {
 public:
  /// Throws std::system_error.
  listener(const asio::any_io_executor& executor, const std::filesystem::path& folder);

  struct guest {
    unique_fd socket;
    pid_t process = 0;
  };
  /// The next connection, if there is one; nothing with errno otherwise.
  std::optional<guest> accept();
  /// Returns when there may be one, or it is closed.
  task<std::error_code> knock();

  /// Whether the socket in the folder is this one.
  [[nodiscard]] bool is_in_place() const;
  void close();

 private:
  std::filesystem::path path_;
  asio::posix::stream_descriptor socket_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

} // namespace clawdspace::door
