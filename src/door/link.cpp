#include <clawdspace/core/error.hpp>
#include <clawdspace/door/link.hpp>

#include <cerrno>
#include <poll.h>

namespace clawdspace::door {

namespace {

constexpr std::size_t most_commands = std::size_t{1} << 20; // bytes that wait; then no more commands
constexpr std::size_t most_queued = std::size_t{2} << 20;   // then the peer is given up
constexpr std::size_t most_frames = 4096;

} // namespace

link::link(const asio::any_io_executor& executor, unique_fd socket, pid_t peer)
    : socket_(executor, socket.value()), peer_(peer) {
  socket.release();
}

bool link::is_dead() {
  if (!is_open()) return true;
  pollfd look{.fd = socket(), .events = 0, .revents = 0};
  return ::poll(&look, 1, 0) == 1 && (look.revents & (POLLHUP | POLLERR)) != 0;
}

link::sent link::try_send(const std::string& frame, const descriptors& with) {
  if (send_now(socket(), frame, with)) return sent::whole;
  // Too many descriptors of ours are under way: they are when the peer has read.
  if (errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS) return sent::later;
  return sent::never;
}

bool link::send(std::string frame, descriptors with, weight as) {
  if (!is_open()) return false;
  if (queue_.empty()) {
    switch (try_send(frame, with)) {
    case sent::whole:
      return true;
    case sent::never:
      close();
      return false;
    case sent::later:
      break;
    }
  }
  const bool full = queued_ + frame.size() > most_commands || queue_.size() >= most_frames;
  if (full && as == weight::command)
    throw error(errc::overloaded, "the space does not take commands as fast as they come: try again");
  if (queued_ + frame.size() > most_queued || queue_.size() >= 2 * most_frames) {
    close();
    return false;
  }
  queued_ += frame.size();
  queue_.push_back({std::move(frame), std::move(with)});
  if (queue_.size() == 1) flush_when_writable();
  return true;
}

void link::flush_when_writable() {
  socket_.async_wait(asio::posix::descriptor_base::wait_write,
                     [self = shared_from_this()](std::error_code ec) {
                       if (!ec) self->flush();
                     });
}

void link::flush() {
  while (!queue_.empty() && is_open()) {
    const auto& next = queue_.front();
    const auto how = try_send(next.frame, next.with);
    if (how == sent::later) {
      flush_when_writable();
      return;
    }
    if (how == sent::never) {
      close();
      return;
    }
    queued_ -= next.frame.size();
    queue_.pop_front();
  }
}

task<> link::readable() {
  if (is_open()) co_await socket_.async_wait(asio::posix::descriptor_base::wait_read, nothrow);
}

void link::close() {
  if (is_open()) socket_.close();
  queue_.clear();
  queued_ = 0;
}

} // namespace clawdspace::door
