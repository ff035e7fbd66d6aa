#include "cancel.hpp"

#include "failure.hpp"

#include <csignal>
#include <unistd.h>

namespace clawdspace::files {
namespace {

volatile std::sig_atomic_t canceled = 0;

// A signal that comes between a check and the call that then waits would be missed: hence again every second.
void note_signal(int) {
  canceled = 1;
  alarm(1);
}

} // namespace

void watch_signals() {
  struct sigaction action = {};
  action.sa_handler = note_signal; // without SA_RESTART
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGALRM}) sigaction(number, &action, nullptr);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
  sigaction(SIGXFSZ, &action, nullptr);
}

void check_canceled() {
  if (canceled != 0) throw failure{.code = "canceled", .words = "canceled by a signal"};
}

void forget_cancel() {
  alarm(0);
  canceled = 0;
}

} // namespace clawdspace::files
