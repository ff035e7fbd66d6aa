#include "command.hpp"

#include "child.hpp"
#include "kill.hpp"
#include "oom.hpp"
#include "signals.hpp"
#include "tree.hpp"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

namespace clawdspace::init {
namespace {

constexpr int standard_streams[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};

class subreaper {
  const command_spec& spec_;
  const text token_;
  report_channel& channel_;
  signal_inbox inbox_;
  oom_count oom_before_;
  watched_child main_;
  int problems_ = -1; // the pipe on which the child says why it did not start; its end means that it did
  start_problem problem_;
  bool ran_ = false;
  bool end_asked_ = false;

  int refuse(const start_problem& problem);
  void read_signals();
  void notice_start();
  void let_go_of_streams() const;
  void look_after_stopped();
  void pass_hangup() const;
  void end_tree();
  int drain(int exit_code);
  report ended_report(bool tree_gone) const;

 public:
  subreaper(const command_spec& spec, text token, report_channel& channel)
      : spec_(spec), token_(token), channel_(channel) {}

  int run(char* const* environment);
};

ending how(int status) {
  if (WIFSIGNALED(status)) return {true, WTERMSIG(status)};
  return {false, WEXITSTATUS(status)};
}

int exit_code(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

report subreaper::ended_report(bool tree_gone) const {
  return frame_ended(token_, how(main_.status), growth(oom_before_, count_oom_kills()), tree_gone);
}

/// Waits until all reports are written or nobody reads them. SIGTERM counts to the last moment: a tree that
/// is ended while its report waits is reported as gone.
int subreaper::drain(int code) {
  for (;;) {
    read_signals();
    if (end_asked_) {
      end_tree();
      if (ran_) channel_.replace_last(ended_report(true));
    }
    channel_.flush();
    if (!channel_.pending()) return code;
    pollfd wake[] = {{inbox_.fd(), POLLIN, 0}, {channel_.fd(), POLLOUT, 0}};
    poll(wake, 2, -1);
    reap(main_);
  }
}

int subreaper::refuse(const start_problem& problem) {
  channel_.push(frame_failed(token_, problem));
  return drain(door::exit_not_started);
}

void subreaper::read_signals() {
  signalfd_siginfo signal;
  while (inbox_.next(signal)) {
    switch (signal.ssi_signo) {
    case SIGTERM:
      // A kernel-written sender: nobody can pretend to be PID 1. It has sent the commands their own SIGTERM.
      if (signal.ssi_code != SI_USER || signal.ssi_pid != 1) end_asked_ = true;
      break;
    case SIGHUP:
      pass_hangup();
      break;
    default:
      break;
    }
  }
}

/// The terminal is gone. The kernel told its session's leader, which is us and not the shell.
void subreaper::pass_hangup() const {
  if (!spec_.tty || main_.pid < 0 || main_.ended) return;
  kill(-main_.pid, SIGHUP);
  kill(-main_.pid, SIGCONT);
}

/// Ctrl-Z in a command that is no shell would stop it for ever, since we are no shell either; without us
/// between, it would be an orphaned process group and not stop at all.
void subreaper::look_after_stopped() {
  siginfo_t about{};
  if (!spec_.tty || main_.ended || main_.pid < 0) return;
  if (waitid(P_PID, static_cast<id_t>(main_.pid), &about, WSTOPPED | WNOHANG) != 0 ||
      about.si_pid != main_.pid)
    return;
  if (about.si_status == SIGSTOP) return; // somebody meant it
  if (about.si_status == SIGTTIN || about.si_status == SIGTTOU) tcsetpgrp(STDIN_FILENO, main_.pid);
  kill(-main_.pid, SIGCONT);
}

void subreaper::end_tree() {
  end_descendants(inbox_, main_);
  confirm_kills(spec_.id);
  end_asked_ = false;
}

void subreaper::notice_start() {
  const ssize_t n = read(problems_, &problem_, sizeof problem_);
  if (n < 0 && errno == EINTR) return;
  close(problems_);
  problems_ = -1;
  ran_ = n != static_cast<ssize_t>(sizeof problem_);
  if (ran_) channel_.push(frame_started(token_, main_.pid));
}

/// A command that closes its input or output must be seen to: ours would keep the pipe open.
void subreaper::let_go_of_streams() const {
  for (int fd : standard_streams)
    if (fd != channel_.fd()) close(fd);
}

int subreaper::run(char* const* environment) {
  const sigset_t wanted = signal_set(SIGTERM, SIGCHLD, SIGHUP);
  int ends[2];
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 || !inbox_.open(wanted) || pipe2(ends, O_CLOEXEC) != 0)
    return refuse(make_problem(door::start_failure::process_limit, errno, strerror(errno)));
  oom_before_ = count_oom_kills();

  main_.pid = fork();
  if (main_.pid == 0) become_command(spec_, environment, ends[1]);
  const int fork_error = errno;
  close(ends[1]);
  problems_ = ends[0];
  if (main_.pid < 0) {
    line<128> words;
    words << "no room for another process: " << strerror(fork_error);
    return refuse(make_problem(door::start_failure::process_limit, fork_error, words.view()));
  }

  if (!spec_.tty) let_go_of_streams();
  while (!main_.ended && !end_asked_) {
    pollfd wake[] = {{inbox_.fd(), POLLIN, 0},
                     {problems_, POLLIN, 0},
                     {channel_.pending() ? channel_.fd() : -1, POLLOUT, 0}};
    poll(wake, 3, -1);
    // Before the child is collected: then what it had to say was read before its end is told.
    if (wake[1].revents != 0) notice_start();
    read_signals();
    look_after_stopped();
    reap(main_);
    channel_.flush();
  }
  const bool asked = end_asked_;
  if (asked) end_tree();
  if (problems_ >= 0) notice_start(); // the child has ended, so this does not wait
  if (!ran_) return refuse(problem_);
  if (spec_.tty)
    tcflow(channel_.fd(), TCOON); // a Ctrl-S that the command left behind would hold the report back
  channel_.push(ended_report(asked));
  return drain(exit_code(main_.status));
}

} // namespace

int run_command(const command_spec& spec, text token, char* const* environment, report_channel& channel) {
  return subreaper(spec, token, channel).run(environment);
}

} // namespace clawdspace::init
