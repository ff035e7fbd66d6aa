#include "tree.hpp"

#include "process_table.hpp"

#include <errno.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace clawdspace::init {

reaped reap(watched_child& main) {
  reaped result = reaped::none;
  for (;;) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, WNOHANG | __WALL);
    if (pid == 0) return result;
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0) return reaped::all;
    result = reaped::some;
    if (pid == main.pid && !main.ended) {
      main.ended = true;
      main.status = status;
    }
  }
}

void end_descendants(signal_inbox& inbox, watched_child& main) {
  constexpr int longest_pause = 50; // ms, where a child does not die at once
  process_table table;
  const pid_t self = getpid();
  int pause = 1;
  for (;;) {
    if (table.scan()) {
      process* me = table.find(self);
      if (me) me->chosen = true;
      table.choose_descendants();
      for (const process& p : table)
        if (p.chosen && p.pid != self && !p.ended()) kill(p.pid, SIGKILL);
    } else if (!main.ended && main.pid > 0) {
      kill(main.pid, SIGKILL); // without /proc this is all that we know by name; the rest is waited for
    }
    const reaped now = reap(main);
    if (now == reaped::all) return;
    if (now == reaped::some) {
      pause = 1;
      continue;
    }
    pollfd wake{inbox.fd(), POLLIN, 0};
    if (poll(&wake, 1, pause) == 0 && pause < longest_pause) pause *= 2;
    signalfd_siginfo signal;
    while (inbox.next(signal)) {
    }
  }
}

} // namespace clawdspace::init
