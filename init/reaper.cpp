#include "reaper.hpp"

#include "doorkeeper.hpp"
#include "signals.hpp"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace clawdspace::init {
namespace {

void reap_orphans(doorkeeper& door) {
  for (;;) {
    const pid_t pid = waitpid(-1, nullptr, WNOHANG | __WALL);
    if (pid > 0) door.collected(pid);
    if (pid > 0 || (pid < 0 && errno == EINTR)) continue;
    return;
  }
}

/// What commands inherit from us: nothing that the Engine gave us by accident.
void become_plain() {
  struct sigaction by_default{};
  by_default.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number)
    sigaction(number, &by_default, nullptr); // KILL and STOP refuse
  umask(022);
  (void)!chdir("/"); // a folder of the space must not be held by us; / itself can always be entered
  for (int fd = 0; fd >= 0 && fd <= news_fd;) { // so that nothing else gets these numbers
    fd = open("/", O_PATH | O_CLOEXEC);
    if (fd > news_fd) close(fd);
  }
}

int wait_of(uint64_t deadline) {
  if (deadline == UINT64_MAX) return -1;
  const uint64_t now = now_ms();
  return deadline <= now ? 0 : static_cast<int>(deadline - now);
}

class space {
  doorkeeper door_;
  signal_inbox inbox_;
  bool stopping_ = false;

  void read_signals();
  bool is_over() const { return stopping_ && kill(-1, 0) != 0 && errno == ESRCH; }

 public:
  explicit space(char* const* environment) : door_(environment) {}
  void run();
};

void space::read_signals() {
  signalfd_siginfo signal;
  bool asked = false;
  while (inbox_.next(signal)) asked = asked || signal.ssi_signo != SIGCHLD;
  if (asked && !stopping_) {
    stopping_ = true;
    door_.stop();
    kill(-1, SIGTERM);
    kill(-1, SIGCONT); // a stopped one takes no SIGTERM
  }
}

void space::run() {
  block_signals();
  become_plain();
  inbox_.open(signal_set(SIGCHLD, SIGTERM, SIGINT));
  door_.open();
  reap_orphans(door_); // those that ended before the signals were blocked
  while (!is_over()) {
    pollfd ready[1 + doorkeeper::watched] = {{inbox_.fd(), POLLIN, 0}};
    door_.watch(ready + 1);
    // What an exec brought in is no child of ours and its end no signal to us: look again soon.
    constexpr int soon = 5;
    poll(ready, 1 + doorkeeper::watched, stopping_ ? soon : wait_of(door_.deadline()));
    if (ready[0].revents != 0) read_signals();
    door_.serve(ready + 1);
    if (ready[0].revents != 0 || stopping_) reap_orphans(door_);
  }
}

} // namespace

void run_space(char* const* environment) { space(environment).run(); }

} // namespace clawdspace::init
