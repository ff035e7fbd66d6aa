#include "signals.hpp"

#include <unistd.h>

namespace clawdspace::init {

void block_signals() {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
}

signal_inbox::~signal_inbox() {
  if (fd_ >= 0) close(fd_);
}

bool signal_inbox::open(const sigset_t& wanted) {
  block_signals();
  fd_ = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
  return fd_ >= 0;
}

bool signal_inbox::next(signalfd_siginfo& signal) {
  return read(fd_, &signal, sizeof signal) == sizeof signal;
}

} // namespace clawdspace::init
