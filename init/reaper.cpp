#include "reaper.hpp"

#include "signals.hpp"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

namespace clawdspace::init {
namespace {

void reap_orphans() {
  for (;;) {
    const pid_t pid = waitpid(-1, nullptr, WNOHANG | __WALL);
    if (pid > 0 || (pid < 0 && errno == EINTR)) continue;
    return;
  }
}

} // namespace

void run_space() {
  block_signals();
  const sigset_t wanted = signal_set(SIGCHLD, SIGTERM, SIGINT);

  for (int signal = 0; signal != SIGTERM && signal != SIGINT;) {
    reap_orphans(); // also those that ended before the signals were blocked
    signal = sigwaitinfo(&wanted, nullptr);
  }
  kill(-1, SIGTERM);
  kill(-1, SIGCONT); // a stopped one takes no SIGTERM
  for (;;) {
    reap_orphans();
    if (kill(-1, 0) != 0 && errno == ESRCH) return;
    // What an exec brought in is no child of ours and its end no signal to us: look again soon.
    constexpr timespec soon{0, 5'000'000};
    sigtimedwait(&wanted, nullptr, &soon);
  }
}

} // namespace clawdspace::init
