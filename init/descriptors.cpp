#include "descriptors.hpp"

#include "listing.hpp"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace clawdspace::init {
namespace {

constexpr size_t control_room = CMSG_SPACE(sizeof(int) * door::descriptor_limit);

} // namespace

void close_descriptors(unsigned first, unsigned last) {
#ifdef SYS_close_range
  if (syscall(SYS_close_range, first, last, 0) == 0) return;
#endif
  // A kernel before 5.9, or a seccomp profile from before it.
  const int folder = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  number_listing numbers(folder);
  for (uint64_t fd = 0; numbers.next(fd);)
    if (fd >= first && fd <= last && fd != static_cast<uint64_t>(folder)) close(static_cast<int>(fd));
  close(folder);
}

void close_descriptor(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

int descriptor_list::take() {
  if (size_ == 0) return -1;
  const int first = fds_[0];
  --size_;
  memmove(fds_, fds_ + 1, size_ * sizeof *fds_);
  return first;
}

void descriptor_list::clear() {
  for (size_t i = 0; i < size_; ++i) close(fds_[i]);
  size_ = 0;
}

transfer receive_frame(int socket, char* into, size_t room, text& frame, descriptor_list& with) {
  alignas(cmsghdr) char control[control_room];
  iovec part{into, room};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (size < 0) return errno == EAGAIN || errno == EINTR ? transfer::later : transfer::broken;
  // The kernel gives all descriptors of a message in one piece, and we asked it for nothing else.
  const cmsghdr* head = CMSG_FIRSTHDR(&message);
  if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
    const size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count && i < door::descriptor_limit; ++i) {
      int fd = -1;
      memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
      with.push(fd);
    }
  }
  if (size == 0 || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return transfer::broken;
  frame = text(into, static_cast<size_t>(size));
  return transfer::done;
}

transfer send_frame(int socket, text frame, const int* fds, size_t count) {
  alignas(cmsghdr) char control[control_room] = {};
  iovec part{const_cast<char*>(frame.data()), frame.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  int sent[door::descriptor_limit];
  size_t size = 0;
  for (size_t i = 0; i < count && size < door::descriptor_limit; ++i)
    if (fds[i] >= 0) sent[size++] = fds[i];
  if (size > 0) {
    message.msg_control = control;
    message.msg_controllen = static_cast<socklen_t>(CMSG_SPACE(size * sizeof(int)));
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = static_cast<socklen_t>(CMSG_LEN(size * sizeof(int)));
    memcpy(CMSG_DATA(head), sent, size * sizeof(int));
  }
  for (;;) {
    if (sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return transfer::done;
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return transfer::later;
    // ETOOMANYREFS: too many descriptors of uid 0 are under way, of this space or another. They arrive.
    const bool passes = errno == ETOOMANYREFS || errno == ENOBUFS || errno == ENOMEM;
    return passes ? transfer::crowded : transfer::broken;
  }
}

} // namespace clawdspace::init
