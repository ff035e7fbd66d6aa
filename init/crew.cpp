#include "crew.hpp"

#include "descriptors.hpp"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

namespace clawdspace::init {
namespace {

char order[order_limit];

} // namespace

crew::member* crew::find(pid_t pid) {
  for (member& one : members_)
    if (one.pid == pid) return &one;
  return nullptr;
}

size_t crew::idle() const {
  size_t count = 0;
  for (const member& one : members_) count += one.pid >= 0 && !one.busy ? 1 : 0;
  return count;
}

pid_t crew::give(uint32_t command, text frame, const command_streams& streams) {
  if (frame.size() > sizeof order - sizeof command) return -1;
  memcpy(order, &command, sizeof command);
  memcpy(order + sizeof command, frame.data(), frame.size());
  const int fds[] = {streams.in, streams.out, streams.err};
  for (member& one : members_) {
    if (one.pid < 0 || one.busy) continue;
    const text whole(order, sizeof command + frame.size());
    if (send_frame(one.orders, whole, fds, 3) != transfer::done) continue; // crowded, or killed just now
    one.busy = true;
    return one.pid;
  }
  return -1;
}

bool crew::take_back(pid_t pid) {
  member* const one = pid >= 0 ? find(pid) : nullptr;
  if (!one) return false;
  if (closed_ || idle() >= most_idle) close_descriptor(one->orders);
  one->busy = one->orders < 0;
  return true;
}

void crew::collected(pid_t pid) {
  member* const one = find(pid);
  if (!one) return;
  close_descriptor(one->orders);
  *one = member{};
}

void crew::refill(char* const* environment) {
  member* const place = find(-1);
  if (closed_ || !place || idle() > 0) return;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return;
  const pid_t pid = fork();
  if (pid == 0) run_member(ends[1], environment);
  ::close(ends[1]);
  if (pid < 0) { // the next command has a fork of its own, and tells why that one failed
    ::close(ends[0]);
    return;
  }
  *place = {pid, ends[0], false};
}

void crew::close() {
  closed_ = true;
  for (member& one : members_)
    if (one.pid >= 0 && !one.busy) close_descriptor(one.orders);
}

} // namespace clawdspace::init
