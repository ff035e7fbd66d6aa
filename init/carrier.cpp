#include "accounts.hpp"
#include "arena.hpp"
#include "connector.hpp"
#include "descriptors.hpp"
#include "files.hpp"
#include "helpers.hpp"
#include "privileges.hpp"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace clawdspace::init {
namespace {

/// One direction.
struct flow {
  char bytes[64 * 1024];
  size_t begin = 0;
  size_t end = 0;
  bool ended = false; // nothing comes any more
  bool over = false;  // and that was passed on
};
flow out;
flow in;

[[noreturn]] void refuse(int answer, int error) {
  refuse_connection(answer, error);
  _exit(0);
}

/// Zero, or errno.
int become_default_user(text image_user, bool strict) {
  arena memory;
  const text passwd = read_table(memory, "/etc/passwd");
  const text groups = read_table(memory, "/etc/group");
  identity who;
  text name;
  if (choose_identity({}, image_user, passwd, groups, who, name) != lookup::found) return EPERM;
  if (strict && who.uid == 0) return EPERM;
  const size_t count = who.supplementary ? supplementary_groups(groups, who.name, nullptr, 0) : 0;
  uint32_t* gids = memory.array<uint32_t>(count);
  if (who.supplementary) supplementary_groups(groups, who.name, gids, count);
  if (strict && !renounce_privileges()) return errno;
  return become(who.uid, who.gid, gids, count) ? 0 : errno;
}

/// Negative: errno tells.
int connect_to(text path) {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  if (path.size() >= sizeof where.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(where.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  // It waits for a place in the queue of who listens, within what the alarm leaves; nobody but us waits.
  if (connect(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0) return fd;
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

/// Nobody takes what it carries.
void drop(flow& f, int from) {
  f.begin = f.end = 0;
  f.ended = f.over = true;
  shutdown(from, SHUT_RD); // and whoever sends more is told so
}

void move(flow& f, int from, int to) {
  if (!f.ended && f.begin == f.end) {
    f.begin = f.end = 0;
    const ssize_t n = recv(from, f.bytes, sizeof f.bytes, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) f.ended = true;
    if (n > 0) f.end = static_cast<size_t>(n);
  }
  if (f.begin < f.end) {
    const ssize_t n = send(to, f.bytes + f.begin, f.end - f.begin, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) return drop(f, from);
    if (n > 0) f.begin += static_cast<size_t>(n);
  }
  if (f.ended && f.begin == f.end && !f.over) {
    shutdown(to, SHUT_WR);
    f.over = true;
  }
}

/// What to wait for on one side. Once all that it said is read, that is whether it is still there; while what
/// it said waits to be passed on, nothing, since poll would tell of its end again and again.
pollfd watch(int side, const flow& reading, const flow& writing) {
  const bool reads = !reading.ended && reading.begin == reading.end;
  const bool writes = writing.begin < writing.end;
  const short events = static_cast<short>((reads ? POLLIN : 0) | (writes ? POLLOUT : 0));
  return {events != 0 || (reading.ended && !writing.over) ? side : -1, events, 0};
}

bool is_gone(const pollfd& side, const flow& reading) {
  return (side.revents & (POLLHUP | POLLERR)) != 0 && reading.ended;
}

[[noreturn]] void carry(int daemon, int peer) {
  while (!(out.over && in.over)) {
    pollfd sides[] = {watch(daemon, in, out), watch(peer, out, in)};
    poll(sides, 2, -1);
    move(in, daemon, peer);
    move(out, peer, daemon);
    if (is_gone(sides[0], in) && !out.over) drop(out, peer);
    if (is_gone(sides[1], out) && !in.over) drop(in, daemon);
  }
  _exit(0);
}

} // namespace

void carry_unix(int answer, text path, text image_user, bool strict) {
  alarm(door::connect_ms / 1000);
  if (const int error = become_default_user(image_user, strict)) refuse(answer, error);
  const int peer = connect_to(path);
  int pair[2];
  if (peer < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) refuse(answer, errno);
  hand_out(answer, pair[0]);
  close(pair[0]);
  close(answer);
  alarm(0);
  carry(pair[1], peer);
}

} // namespace clawdspace::init
