#include "report_channel.hpp"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace clawdspace::init {
namespace {

int open_again(int stream) {
  struct stat about;
  if (fstat(stream, &about) != 0 || !(S_ISFIFO(about.st_mode) || isatty(stream))) return -1;
  line<32> path;
  path << "/proc/self/fd/" << static_cast<uint64_t>(stream) << text("", 1);
  return open(path.view().data(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

} // namespace

report_channel::report_channel(int stream) : fd_(open_again(stream)), private_(fd_ >= 0) {
  if (!private_) fd_ = stream;
}

void report_channel::push(const report& next) { waiting_[count_++] = next; }

void report_channel::replace_last(const report& better) {
  if (count_ == 0 || (count_ == 1 && written_ > 0)) return;
  waiting_[count_ - 1] = better;
}

void report_channel::flush() {
  while (count_ > 0) {
    if (!private_) {
      pollfd ready{fd_, POLLOUT, 0};
      if (poll(&ready, 1, 0) == 0) return;
    }
    const text rest = waiting_[0].view().after(written_);
    const ssize_t n = write(fd_, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) { // EPIPE, EIO: there is nobody left to tell
      count_ = 0;
      written_ = 0;
      return;
    }
    written_ += static_cast<size_t>(n);
    if (written_ < waiting_[0].view().size()) continue;
    waiting_[0] = waiting_[1];
    --count_;
    written_ = 0;
  }
}

} // namespace clawdspace::init
