#pragma once

#include <clawdspace/core/unique_fd.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/posix/stream_descriptor.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

namespace clawdspace {

/// Waits for conditions that Asio has no operation for (EPOLLRDHUP behind unread bytes), and for descriptors
/// whose flags are not ours to change (Asio would set O_NONBLOCK on a stderr that others share). One epoll
/// descriptor, itself watched by the loop; costs nothing while nothing is watched.
class poller {
 public:
  explicit poller(const asio::any_io_executor& executor);
  poller(const poller&) = delete;
  poller& operator=(const poller&) = delete;

  /// A registration; ends when it is destroyed. The poller must outlive it.
  class watch {
   public:
    watch(poller& owner, int fd, std::uint64_t key) : owner_(owner), fd_(fd), key_(key) {}
    watch(const watch&) = delete;
    watch& operator=(const watch&) = delete;
    ~watch();

   private:
    poller& owner_;
    int fd_;
    std::uint64_t key_;
  };

  /// Calls `ready` once, from the loop, when one of the epoll `events` (or an error) shows on `fd`. `fd`
  /// stays open while the watch lives. Throws std::system_error where the kernel cannot watch it (EPERM: a
  /// regular file).
  [[nodiscard]] std::unique_ptr<watch> add(int fd, std::uint32_t events, std::function<void()> ready);

 private:
  void arm();
  void dispatch();

  asio::posix::stream_descriptor epoll_;
  std::unordered_map<std::uint64_t, std::function<void()>> waiting_;
  std::uint64_t last_key_ = 0;
  bool armed_ = false;
};

} // namespace clawdspace
