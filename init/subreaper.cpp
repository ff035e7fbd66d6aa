#include "subreaper.hpp"

#include "arena.hpp"
#include "child.hpp"
#include "descriptors.hpp"
#include "frame.hpp"
#include "signals.hpp"
#include "tree.hpp"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace clawdspace::init {
namespace {

static_assert(end_signal == SIGUSR1);

class door_subreaper {
  const uint32_t command_;
  command_spec spec_;
  watched_child main_;
  bool told_end_ = false;

  void tell(subreaper_message message) const;
  void tell_end(bool gone);
  [[noreturn]] void refuse(const start_problem& problem) const;
  void start(char* const* environment);
  [[noreturn]] void end();
  bool end_wanted() const;

 public:
  explicit door_subreaper(uint32_t command) : command_(command) {}
  [[noreturn]] void run(text words, bool mapped, char* const* environment);
};

void door_subreaper::tell(subreaper_message message) const {
  message.command = command_;
  while (write(news_fd, &message, message.bytes()) < 0 && errno == EINTR) {
  }
}

void door_subreaper::tell_end(bool gone) {
  subreaper_message message;
  message.what = told_end_ ? news::gone : news::ended;
  message.signaled = WIFSIGNALED(main_.status);
  message.number = message.signaled ? WTERMSIG(main_.status) : WEXITSTATUS(main_.status);
  message.gone = gone;
  told_end_ = true;
  tell(message);
}

void door_subreaper::refuse(const start_problem& problem) const {
  subreaper_message message;
  message.what = news::failed;
  message.code = problem.code;
  message.number = problem.error;
  message.size = static_cast<unsigned short>(problem.view().size());
  memcpy(message.words, problem.words, message.size);
  tell(message);
  _exit(0);
}

struct birth {
  const command_spec& spec;
  char* const* environment;
  start_problem& problem;
};

int be_born(void* how) {
  const birth& b = *static_cast<birth*>(how);
  become_door_command(b.spec, b.environment, b.problem);
}

/// The child shares our memory until it is another program, and we sleep until then: what it has to say is
/// there when clone returns, and no page is copied for it.
void door_subreaper::start(char* const* environment) {
  alignas(16) static char stack[128 * 1024];
  start_problem problem;
  birth how{spec_, environment, problem};
  main_.pid = clone(be_born, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &how);
  if (main_.pid < 0) {
    line<128> words;
    words << "no room for another process: " << strerror(errno);
    refuse(make_problem(door::start_failure::process_limit, errno, words.view()));
  }
  // A command that closes its input or output must be seen to: ours would keep the pipe open.
  close_descriptors(STDIN_FILENO, STDERR_FILENO);
  if (problem.size > 0) {
    int status;
    while (waitpid(main_.pid, &status, __WALL) < 0 && errno == EINTR) {
    }
    refuse(problem);
  }
  subreaper_message message;
  message.what = news::started;
  message.number = main_.pid;
  tell(message);
}

/// Only PID 1 can say it, and the kernel writes who did.
bool door_subreaper::end_wanted() const {
  const sigset_t wanted = signal_set(SIGCHLD, end_signal);
  siginfo_t from;
  return sigwaitinfo(&wanted, &from) == end_signal && from.si_code == SI_USER && from.si_pid == 1;
}

void door_subreaper::end() {
  signal_inbox inbox;
  const sigset_t wanted = signal_set(SIGCHLD, end_signal);
  inbox.open(wanted); // without one the passes have their pauses to wait
  end_descendants(inbox, main_);
  tell_end(true);
  _exit(0);
}

void door_subreaper::run(text words, bool mapped, char* const* environment) {
  // All signals are blocked, as in PID 1.
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  arena memory;
  frame_words rest(words);
  text word;
  rest.next(word); // the verb
  size_t count = 0;
  for (frame_words counted = rest; counted.next(word);) ++count;
  char** arguments = memory.array<char*>(count + 1);
  for (size_t i = 0; rest.next(word); ++i) arguments[i] = const_cast<char*>(word.data());
  text culprit;
  if (const char* wrong = parse_command(arguments, spec_, culprit, way_in::door)) {
    line<320> told;
    told << wrong << " `" << culprit.first(200) << "`";
    refuse(make_problem(door::start_failure::not_allowed, EINVAL, told.view()));
  }
  start(environment);
  if (mapped) munmap(const_cast<char*>(words.data()), words.size());
  for (;;) {
    const reaped now = reap(main_);
    if (now == reaped::all) {
      tell_end(true);
      _exit(0);
    }
    if (main_.ended && !told_end_) tell_end(false);
    if (end_wanted()) end();
  }
}

} // namespace

void run_subreaper(uint32_t command, text words, bool mapped, command_streams streams,
                   char* const* environment) {
  // PID 1 has 0 to 3 itself, so none of these is where another is to go.
  dup2(streams.in, STDIN_FILENO);
  dup2(streams.out, STDOUT_FILENO);
  dup2(streams.err, STDERR_FILENO);
  close_descriptors(news_fd + 1, ~0U);
  door_subreaper(command).run(words, mapped, environment);
}

} // namespace clawdspace::init
