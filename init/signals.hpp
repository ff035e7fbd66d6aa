#pragma once

#include <signal.h>
#include <sys/signalfd.h>

namespace clawdspace::init {

/// Blocks all signals; those that are asked for are read from a descriptor.
class signal_inbox {
  int fd_ = -1;

 public:
  signal_inbox() = default;
  signal_inbox(const signal_inbox&) = delete;
  signal_inbox& operator=(const signal_inbox&) = delete;
  ~signal_inbox();
  /// False: errno.
  bool open(const sigset_t& wanted);
  int fd() const { return fd_; }
  /// Takes one that is pending, without waiting.
  bool next(signalfd_siginfo& signal);
};

template <class... Numbers> sigset_t signal_set(Numbers... numbers) {
  sigset_t set;
  sigemptyset(&set);
  (sigaddset(&set, numbers), ...);
  return set;
}

/// Blocks all signals; a blocked SIGPIPE is as good as an ignored one, and nothing is inherited that way.
void block_signals();

} // namespace clawdspace::init
