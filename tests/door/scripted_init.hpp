#pragma once

#include <clawdspace/core/task.hpp>
#include <clawdspace/core/unique_fd.hpp>
#include <clawdspace/door/descriptors.hpp>
#include <clawdspace/door/words.hpp>

#include <asio/posix/stream_descriptor.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <utility>
#include <vector>

namespace clawdspace::test {

/// An init on the test's own loop, which says and sends what a test wants. To the daemon it is this process.
class scripted_init {
 public:
  scripted_init(const asio::any_io_executor& executor, const std::filesystem::path& folder)
      : socket_(executor, connect(folder)) {}

  struct heard {
    std::vector<std::string> words; ///< none: the daemon has closed
    door::descriptors with;

    [[nodiscard]] std::string text() const {
      std::string all;
      for (const auto& word : words) all += (all.empty() ? "" : " ") + word;
      return all;
    }
  };

  void say_raw(const std::string& frame, const door::descriptors& with = {}) {
    if (!door::send_now(socket_.native_handle(), frame, with))
      throw std::system_error(errno, std::system_category(), "the test's init");
  }
  template <class... Words> void say(const Words&... words) { say_raw(door::to_frame({words...})); }

  task<heard> hear() {
    std::vector<char> buffer(door::frame_limit);
    for (;;) {
      auto got = door::receive_now(socket_.native_handle(), buffer);
      if (got.size < 0 && errno == EAGAIN) {
        co_await socket_.async_wait(asio::posix::descriptor_base::wait_read, asio::use_awaitable);
        continue;
      }
      heard all;
      if (got.size <= 0) co_return all;
      const auto words = door::words_of({buffer.data(), static_cast<std::size_t>(got.size)}, 100'000);
      for (const auto word : value_or_throw(words)) all.words.emplace_back(word);
      for (std::size_t i = 0; i < got.count; ++i) all.with.push_back(std::move(got.with[i]));
      co_return all;
    }
  }

  /// Says hello, and returns when it was welcomed (or not).
  task<std::string> greet(std::string life = "life1") {
    say("hello", "1", life);
    say("ready");
    co_return (co_await hear()).text();
  }

  int fd() { return socket_.native_handle(); }
  void close() { socket_.close(); }

 private:
  static int connect(const std::filesystem::path& folder) {
    unique_fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const unique_fd place(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    fmt::format_to_n(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1,
                     "/proc/self/fd/{}/door", place.value());
    if (::connect(socket.value(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::system_error(errno, std::system_category(), "connect");
    return socket.release();
  }

  asio::posix::stream_descriptor socket_;
};

} // namespace clawdspace::test
