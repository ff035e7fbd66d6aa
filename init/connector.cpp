#include "connector.hpp"

#include "descriptors.hpp"
#include "frame.hpp"
#include "proc_text.hpp"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

namespace clawdspace::init {
namespace {

/// Begins it. Negative: errno.
int connect_to(const unsigned char (&address)[16], size_t size, uint16_t port, int& error) {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  v4.sin_family = AF_INET;
  v4.sin_port = v6.sin6_port = htons(port);
  v6.sin6_family = AF_INET6;
  memcpy(&v4.sin_addr, address, sizeof v4.sin_addr);
  memcpy(&v6.sin6_addr, address, sizeof v6.sin6_addr);
  const bool old = size == sizeof v4.sin_addr;
  const int fd = socket(old ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  error = fd < 0 ? errno : 0;
  if (fd < 0) return fd;
  const auto* where = old ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
  if (connect(fd, where, old ? sizeof v4 : sizeof v6) != 0) error = errno;
  return fd;
}

} // namespace

void refuse_connection(int answer, int error) {
  send_frame(answer, frame_line("refused").number(static_cast<uint64_t>(error)).view());
}

void hand_out(int answer, int socket) {
  // Room there is: nothing else was ever sent. But of descriptors too many may be under way.
  if (send_frame(answer, frame_line("connected").view(), &socket, 1) != transfer::done)
    refuse_connection(answer, EAGAIN);
}

size_t connector::size() const {
  size_t count = 0;
  for (const attempt& a : all_) count += a.answer >= 0 ? 1 : 0;
  return count;
}

void connector::finish(attempt& a, int error) {
  if (error == 0)
    hand_out(a.answer, a.socket);
  else
    refuse_connection(a.answer, error);
  // No copy of the connection stays here: its flags are then nobody's but the daemon's.
  close_descriptor(a.socket);
  close_descriptor(a.answer);
}

bool connector::begin(text address, text port, int answer, uint64_t now) {
  unsigned char bytes[16];
  uint64_t number = 0;
  const size_t size = parse_address(address, bytes);
  attempt mine{-1, answer, now + door::connect_ms};
  if (size == 0 || !parse_number(port, 0xffff, number) || number == 0) {
    close_descriptor(mine.answer);
    return false;
  }
  attempt* place = nullptr;
  for (attempt& a : all_)
    if (a.answer < 0) place = &a;
  int error = EAGAIN;
  if (place) mine.socket = connect_to(bytes, size, static_cast<uint16_t>(number), error);
  if (place && error == EINPROGRESS)
    *place = mine;
  else
    finish(mine, error);
  return true;
}

void connector::watch(pollfd* fds) const {
  for (const attempt& a : all_) *fds++ = {a.socket, POLLOUT, 0};
}

uint64_t connector::deadline() const {
  uint64_t first = UINT64_MAX;
  for (const attempt& a : all_)
    if (a.answer >= 0 && a.until < first) first = a.until;
  return first;
}

void connector::serve(const pollfd* fds, uint64_t now) {
  for (size_t i = 0; i < watched; ++i) {
    attempt& a = all_[i];
    if (a.answer < 0) continue;
    if (fds[i].fd == a.socket && fds[i].revents != 0) {
      int error = 0;
      socklen_t size = sizeof error;
      if (getsockopt(a.socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
      finish(a, error);
    } else if (a.until <= now) {
      finish(a, ETIMEDOUT);
    }
  }
}

} // namespace clawdspace::init
