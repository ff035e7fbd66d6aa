#include "say.hpp"

#include <errno.h>
#include <unistd.h>

namespace clawdspace::init {

void say(int fd, text words) {
  line<1024> out;
  out << words.first(1023) << "\n";
  for (text rest = out.view(); !rest.empty();) {
    const ssize_t n = write(fd, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return; // there is nobody left to tell
    rest = rest.after(static_cast<size_t>(n));
  }
}

void die(int exit_code, text words) {
  line<1000> out;
  out << "clawdspace-init: " << words;
  say(STDERR_FILENO, out.view());
  _exit(exit_code);
}

} // namespace clawdspace::init
