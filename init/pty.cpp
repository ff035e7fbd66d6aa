#include "pty.hpp"

#include "descriptors.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

namespace clawdspace::init {
namespace {

constexpr const char* multiplexers[] = {"/dev/pts/ptmx", "/dev/ptmx"};
constexpr int own_only = O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;

bool is_multiplexer(const struct stat& about) {
  return S_ISCHR(about.st_mode) && major(about.st_rdev) == 5 && minor(about.st_rdev) == 2;
}

/// Looks before it opens: opening some devices does something, and a planted one could be any.
int open_multiplexer() {
  int error = ENOENT;
  for (const char* path : multiplexers) {
    const int place = open(path, O_PATH | O_CLOEXEC);
    struct stat about;
    if (place >= 0 && fstat(place, &about) == 0 && is_multiplexer(about)) {
      close(place);
      const int fd = open(path, own_only);
      if (fd >= 0) return fd;
    } else if (place >= 0) {
      close(place);
      errno = ENODEV;
    }
    // "There is no more" counts more than "not here".
    if (error == ENOENT || errno == ENOSPC || errno == EMFILE || errno == ENFILE) error = errno;
  }
  errno = error;
  return -1;
}

} // namespace

bool resize_pty(int master, unsigned short rows, unsigned short columns) {
  const winsize size{rows, columns, 0, 0};
  return ioctl(master, TIOCSWINSZ, &size) == 0;
}

bool open_pty(pty& made, unsigned short rows, unsigned short columns) {
  made.master = open_multiplexer();
  if (made.master < 0) return false;
  const int unlocked = 0;
  // The peer is opened through the master, not by a path, so that no link can stand in its place.
  if (ioctl(made.master, TIOCSPTLCK, &unlocked) == 0 && resize_pty(made.master, rows, columns))
    made.slave = ioctl(made.master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (made.slave >= 0) return true;
  const int error = errno;
  close_descriptor(made.master);
  errno = error;
  return false;
}

} // namespace clawdspace::init
