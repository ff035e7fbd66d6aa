#include <clawdspace/core/poller.hpp>

#include <sys/epoll.h>
#include <system_error>

namespace clawdspace {

namespace {

int open_epoll() {
  const int fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::system_category(), "epoll_create1");
  return fd;
}

} // namespace

poller::poller(const asio::any_io_executor& executor) : epoll_(executor, open_epoll()) {}

std::unique_ptr<poller::watch> poller::add(int fd, std::uint32_t events, std::function<void()> ready) {
  const std::uint64_t key = ++last_key_;
  epoll_event interest{.events = events | EPOLLONESHOT, .data = {.u64 = key}};
  if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, fd, &interest) != 0)
    throw std::system_error(errno, std::system_category(), "epoll_ctl");
  waiting_.emplace(key, std::move(ready));
  arm();
  return std::make_unique<watch>(*this, fd, key);
}

poller::watch::~watch() {
  owner_.waiting_.erase(key_);
  ::epoll_ctl(owner_.epoll_.native_handle(), EPOLL_CTL_DEL, fd_, nullptr);
}

void poller::arm() {
  if (armed_ || waiting_.empty()) return;
  armed_ = true;
  epoll_.async_wait(asio::posix::descriptor_base::wait_read, [this](std::error_code ec) {
    if (ec) return; // aborted: the poller may be gone
    armed_ = false;
    dispatch();
    arm();
  });
}

void poller::dispatch() {
  // One at a time: what a callback destroys must not be looked at afterwards.
  epoll_event fired{};
  while (::epoll_wait(epoll_.native_handle(), &fired, 1, 0) == 1) {
    const std::uint64_t token = fired.data.u64; // epoll_event is packed: no reference into it
    const auto found = waiting_.find(token);
    if (found == waiting_.end()) continue;
    const auto ready = std::move(found->second);
    waiting_.erase(found);
    ready();
  }
}

} // namespace clawdspace
