#include "subreaper.hpp"

#include "arena.hpp"
#include "child.hpp"
#include "descriptors.hpp"
#include "frame.hpp"
#include "signals.hpp"
#include "tree.hpp"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace clawdspace::init {
namespace {

static_assert(end_signal == SIGUSR1);

// Where a member of the crew keeps its way to PID 1, and what it has as 0, 1 and 2 between two commands.
constexpr int orders_fd = news_fd + 1;
constexpr int nothing_fd = news_fd + 2;

class door_subreaper {
  const uint32_t command_;
  arena& memory_;
  command_spec spec_;
  watched_child main_;
  bool told_start_ = false;
  bool told_end_ = false;

  void tell(subreaper_message message) const;
  void tell_start();
  void tell_end(bool gone);
  void refuse(const start_problem& problem) const;
  bool read_words(text words);
  bool start(char* const* environment);
  void end();
  bool end_wanted();

 public:
  door_subreaper(uint32_t command, arena& memory) : command_(command), memory_(memory) {}
  void run(text words, bool mapped, char* const* environment);
};

void door_subreaper::tell(subreaper_message message) const {
  message.command = command_;
  while (write(news_fd, &message, message.bytes()) < 0 && errno == EINTR) {
  }
}

void door_subreaper::tell_start() {
  told_start_ = true;
  subreaper_message message;
  message.what = news::started;
  message.number = main_.pid;
  tell(message);
}

void door_subreaper::tell_end(bool gone) {
  subreaper_message message;
  message.what = told_end_ ? news::gone : news::ended;
  message.signaled = WIFSIGNALED(main_.status);
  message.number = message.signaled ? WTERMSIG(main_.status) : WEXITSTATUS(main_.status);
  message.gone = gone;
  told_start_ = told_end_ = true;
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
}

/// A command that closes its input or output must be seen to: ours would keep the pipe open.
void let_go_of_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) dup2(nothing_fd, fd);
}

struct birth {
  const command_spec& spec;
  char* const* environment;
  arena& memory;
  start_problem& problem;
};

int be_born(void* how) {
  const birth& b = *static_cast<birth*>(how);
  become_door_command(b.spec, b.environment, b.memory, b.problem);
}

/// False where it has failed, and that was told. The child shares our memory until it is another program, and
/// we sleep until then: what it has to say is there when clone returns, and no page is copied for it.
bool door_subreaper::start(char* const* environment) {
  alignas(16) static char stack[128 * 1024];
  start_problem problem;
  birth how{spec_, environment, memory_, problem};
  main_.pid = clone(be_born, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &how);
  const int error = errno;
  let_go_of_streams();
  if (main_.pid < 0) {
    line<128> words;
    words << "no room for another process: " << strerror(error);
    refuse(make_problem(door::start_failure::process_limit, error, words.view()));
    return false;
  }
  if (problem.size > 0) {
    int status;
    while (waitpid(main_.pid, &status, __WALL) < 0 && errno == EINTR) {
    }
    refuse(problem);
    return false;
  }
  if (!spec_.unhurried) tell_start();
  return true;
}

/// Only PID 1 can say it, and the kernel writes who did. An unhurried start is told when it has become clear
/// that the end does not come at once.
bool door_subreaper::end_wanted() {
  constexpr timespec at_once{0, 2'000'000};
  const sigset_t wanted = signal_set(SIGCHLD, end_signal);
  siginfo_t from;
  const int signal = sigtimedwait(&wanted, &from, told_start_ ? nullptr : &at_once);
  if (signal < 0 && errno == EAGAIN) tell_start();
  return signal == end_signal && from.si_code == SI_USER && from.si_pid == 1;
}

void door_subreaper::end() {
  signal_inbox inbox;
  const sigset_t wanted = signal_set(SIGCHLD, end_signal);
  inbox.open(wanted); // without one the passes have their pauses to wait
  end_descendants(inbox, main_);
  tell_end(true);
}

bool door_subreaper::read_words(text words) {
  frame_words rest(words);
  text word;
  rest.next(word); // the verb
  size_t count = 0;
  for (frame_words counted = rest; counted.next(word);) ++count;
  char** arguments = memory_.array<char*>(count + 1);
  for (size_t i = 0; rest.next(word); ++i) arguments[i] = const_cast<char*>(word.data());
  text culprit;
  const char* wrong = parse_command(arguments, spec_, culprit, way_in::door);
  if (!wrong) return true;
  let_go_of_streams();
  line<320> told;
  told << wrong << " `" << culprit.first(200) << "`";
  refuse(make_problem(door::start_failure::not_allowed, EINVAL, told.view()));
  return false;
}

/// Returns when there is nothing of it any more.
void door_subreaper::run(text words, bool mapped, char* const* environment) {
  const bool runs = read_words(words) && start(environment);
  if (mapped) munmap(const_cast<char*>(words.data()), words.size());
  while (runs) {
    const reaped now = reap(main_);
    if (now == reaped::all) return tell_end(true);
    if (main_.ended && !told_end_) tell_end(false);
    if (end_wanted()) return end();
  }
}

/// Lets go of what PID 1 has open. All signals are blocked, as they are there, and taken only where we wait
/// for them.
void become_subreaper(int first_of_others) {
  close_descriptors(static_cast<unsigned>(first_of_others), ~0U);
  const int nothing = open("/", O_PATH | O_CLOEXEC);
  if (nothing != nothing_fd) {
    dup3(nothing, nothing_fd, O_CLOEXEC);
    close(nothing);
  }
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

void put_streams(const command_streams& from) {
  // PID 1, and so we, have 0 to 3, so none of these is where another is to go.
  dup2(from.in, STDIN_FILENO);
  dup2(from.out, STDOUT_FILENO);
  dup2(from.err, STDERR_FILENO);
}

/// An order to end the command before this one came too late for it.
void forget_signals() {
  const sigset_t late = signal_set(SIGCHLD, end_signal);
  constexpr timespec no_time{};
  while (sigtimedwait(&late, nullptr, &no_time) >= 0) {
  }
}

} // namespace

void run_member(int orders, char* const* environment) {
  static char order[order_limit];
  if (orders != orders_fd) dup3(orders, orders_fd, O_CLOEXEC);
  become_subreaper(orders_fd + 1);
  arena memory;
  for (;;) {
    pollfd next{orders_fd, POLLIN, 0};
    poll(&next, 1, -1);
    descriptor_list streams;
    text whole;
    const transfer got = receive_frame(orders_fd, order, sizeof order, whole, streams);
    if (got == transfer::later) continue;
    uint32_t command = 0;
    if (got != transfer::done || streams.size() != 3 || whole.size() <= sizeof command) _exit(0);
    memcpy(&command, whole.data(), sizeof command);
    const command_streams put{streams.take(), streams.take(), streams.take()};
    put_streams(put);
    close(put.in);
    close(put.out);
    close(put.err);
    forget_signals();
    door_subreaper(command, memory).run(whole.after(sizeof command), false, environment);
    memory.reset();
  }
}

void run_subreaper(uint32_t command, text words, bool mapped, command_streams streams,
                   char* const* environment) {
  put_streams(streams);
  become_subreaper(news_fd + 1);
  arena memory;
  door_subreaper(command, memory).run(words, mapped, environment);
  _exit(0);
}

} // namespace clawdspace::init
