#include "link.hpp"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace clawdspace::init {
namespace {

/// What listens was made outside of the space, whose processes have no number in it.
bool is_outside(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid == 0;
}

} // namespace

void door_link::start(uint64_t now) { lost_at_ = next_try_ = now; }

bool door_link::attempt(uint64_t now) {
  next_try_ = now + (now - lost_at_ < door::patience_ms ? door::retry_ms : door::patient_retry_ms);
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  static_assert(sizeof door::socket_path <= sizeof where.sun_path);
  memcpy(where.sun_path, door::socket_path, sizeof door::socket_path);
  fd_ = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd_ < 0) return false;
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 || !is_outside(fd_)) {
    close_descriptor(fd_);
    return false;
  }
  state_ = state::greeting;
  return true;
}

void door_link::close(uint64_t now) {
  close_descriptor(fd_);
  state_ = state::closed;
  blocked_ = false;
  lost_at_ = now;
  next_try_ = now + door::retry_ms;
}

transfer door_link::send(text frame, const int* fds, size_t count) {
  constexpr uint64_t pause = 10; // ms
  const transfer result = send_frame(fd_, frame, fds, count);
  crowded_until_ = result == transfer::crowded ? now_ms() + pause : 0;
  blocked_ = result == transfer::later || result == transfer::crowded;
  return blocked_ ? transfer::later : result;
}

transfer door_link::receive(char* into, size_t room, text& frame, descriptor_list& with) {
  return receive_frame(fd_, into, room, frame, with);
}

} // namespace clawdspace::init
