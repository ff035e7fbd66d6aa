#include "descriptors.hpp"
#include "files.hpp"
#include "frame.hpp"
#include "helpers.hpp"
#include "link.hpp"
#include "listing.hpp"
#include "proc_text.hpp"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <unistd.h>

namespace clawdspace::init {
namespace {

constexpr size_t most_bytes = size_t{8} << 20; // of one table: who listens stands before who is connected
constexpr uint64_t naming_ms = 300;            // then the rest stays without a name
constexpr unsigned patience_s = 10;
constexpr size_t name_room = 16; // TASK_COMM_LEN

struct found {
  text kind;
  char where[108];
  unsigned char where_size;
  uint16_t port;
  uint32_t uid;
  uint64_t inode;
  uint64_t pid;
  char name[name_room];
  unsigned char name_size;
};

found all[door::listening_limit];
size_t count = 0;
bool more = false;

found* add(text kind, uint64_t inode) {
  if (count == door::listening_limit) {
    more = true;
    return nullptr;
  }
  found& f = all[count++];
  f.kind = kind;
  f.inode = inode;
  return &f;
}

/// The name server that the Engine puts into a space's network, with nothing of it in the space.
bool is_of_engine(const socket_row& row) {
  return row.address_size == 4 && row.address[0] == 127 && row.address[1] == 0 && row.address[2] == 0 &&
         row.address[3] == 11;
}

void take_row(text kind, text row) {
  if (kind == "unix") {
    unix_row about;
    if (!parse_unix_row(row, about)) return;
    found* f = add(kind, about.inode);
    if (!f) return;
    f->where_size = static_cast<unsigned char>(about.path.size());
    __builtin_memcpy(f->where, about.path.data(), about.path.size());
    return;
  }
  constexpr unsigned char listens = 10; // TCP_LISTEN
  constexpr unsigned char unconnected = 7;
  socket_row about;
  if (!parse_socket_row(row, about) || about.state != (kind == "tcp" ? listens : unconnected)) return;
  if (about.port == 0 || is_of_engine(about)) return;
  found* f = add(kind, about.inode);
  if (!f) return;
  for (size_t i = 0; i < about.address_size; ++i) {
    f->where[2 * i] = "0123456789abcdef"[about.address[i] >> 4];
    f->where[2 * i + 1] = "0123456789abcdef"[about.address[i] & 15];
  }
  f->where_size = static_cast<unsigned char>(2 * about.address_size);
  f->port = about.port;
  f->uid = about.uid;
}

/// Row by row; one that is longer than any that is meant is passed over.
void read_table_of(text kind, const char* path) {
  static char bytes[16 * 1024];
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return; // no IPv6, say
  size_t size = 0;
  size_t total = 0;
  bool skips = false;
  for (;;) {
    const ssize_t n = read(fd, bytes + size, sizeof bytes - size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 || total > most_bytes) break;
    total += static_cast<size_t>(n);
    text rest(bytes, size + static_cast<size_t>(n));
    for (size_t end = rest.find('\n'); end < rest.size(); end = rest.find('\n')) {
      const text row = rest.take_until('\n');
      if (!skips) take_row(kind, row);
      skips = false;
    }
    size = rest.size();
    if (size == sizeof bytes) {
      skips = true;
      size = 0;
    }
    __builtin_memmove(bytes, rest.data(), size);
  }
  close(fd);
}

/// Whether one is still without a name.
bool give_name(uint64_t inode, uint64_t pid, int proc) {
  bool some = false;
  for (size_t i = 0; i < count; ++i) {
    found& f = all[i];
    if (f.pid == 0 && f.inode == inode) {
      line<32> path;
      path << pid << "/comm" << text("", 1);
      const long size = read_some(proc, path.view().data(), f.name, sizeof f.name);
      f.pid = pid;
      f.name_size = static_cast<unsigned char>(size > 0 ? size : 0);
      if (f.name_size > 0 && f.name[f.name_size - 1] == '\n') --f.name_size;
      for (size_t c = 0; c < f.name_size; ++c)
        if (f.name[c] == '\0') f.name[c] = '?';
    }
    some = some || f.pid == 0;
  }
  return some;
}

/// A process's descriptors are for its own user to see, whatever else uid 0 may do here.
void look_as(uint32_t uid, uint32_t gid) {
  setfsgid(gid);
  setfsuid(uid);
}

/// Whether one is still without a name.
bool look_through(uint64_t pid, int proc, uint64_t until) {
  line<32> path;
  path << pid << "/status" << text("", 1);
  char bytes[2048];
  const long size = read_some(proc, path.view().data(), bytes, sizeof bytes);
  process_ids ids;
  if (size <= 0 || !parse_status_ids({bytes, static_cast<size_t>(size)}, ids)) return true;
  look_as(ids.uids[0], ids.gids[0]);
  line<32> folder;
  folder << pid << "/fd" << text("", 1);
  const int fds = openat(proc, folder.view().data(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool some = true;
  if (fds >= 0) {
    number_listing numbers(fds);
    for (uint64_t number = 0; some && now_ms() < until && numbers.next(number);) {
      line<32> name;
      name << number << text("", 1);
      char target[64];
      const ssize_t n = readlinkat(fds, name.view().data(), target, sizeof target);
      uint64_t inode = 0;
      if (n > 0 && parse_socket_link({target, static_cast<size_t>(n)}, inode))
        some = give_name(inode, pid, proc);
    }
    close(fds);
  }
  look_as(0, 0);
  return some;
}

void name_processes() {
  const uint64_t until = now_ms() + naming_ms;
  const int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (proc < 0 || count == 0) return;
  number_listing pids(proc);
  for (uint64_t pid = 0; now_ms() < until && pids.next(pid);)
    if (pid != 1 && !look_through(pid, proc, until)) return;
}

/// Waits for room, but not for ever: an alarm ends us.
void tell(int answer, const frame_line& frame) {
  const text bytes = frame.view();
  while (send(answer, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0)
    if (errno != EINTR) _exit(0); // nobody listens to us any more
}

} // namespace

void list_listeners(int answer, bool names) {
  alarm(patience_s);
  read_table_of("tcp", "/proc/net/tcp");
  read_table_of("tcp", "/proc/net/tcp6");
  read_table_of("udp", "/proc/net/udp");
  read_table_of("udp", "/proc/net/udp6");
  read_table_of("unix", "/proc/net/unix");
  if (names) name_processes();
  for (size_t i = 0; i < count; ++i) {
    const found& f = all[i];
    tell(answer, frame_line("listens")
                     .word(f.kind)
                     .word({f.where, f.where_size})
                     .number(f.port)
                     .number(f.uid)
                     .number(f.inode)
                     .number(f.pid)
                     .word({f.name, f.name_size}));
  }
  tell(answer, frame_line(more ? "some" : "all"));
  _exit(0);
}

} // namespace clawdspace::init
