#include "doorkeeper.hpp"
#include "kill.hpp"
#include "process_table.hpp"
#include "pty.hpp"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace clawdspace::init {
namespace {

using door::start_failure;

/// A memfd that nobody can shorten or write to any more, whole; empty where it is none.
text map_sealed(int fd) {
  const int seals = fcntl(fd, F_GET_SEALS);
  constexpr int wanted = F_SEAL_SHRINK | F_SEAL_WRITE;
  struct stat about;
  if (seals < 0 || (seals & wanted) != wanted || fstat(fd, &about) != 0) return {};
  if (about.st_size <= 0 || about.st_size > door::spawn_limit) return {};
  const size_t size = static_cast<size_t>(about.st_size);
  void* at = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  return at == MAP_FAILED ? text() : text(static_cast<const char*>(at), size);
}

start_problem problem_of(start_failure code, int error, text what) {
  line<320> words;
  words << what << ": " << strerror(error);
  return make_problem(code, error, words.view());
}

} // namespace

bool doorkeeper::spawn_large(text id, descriptor_list& with) {
  int fd = with.take();
  if (fd < 0) return false;
  const text frame = map_sealed(fd);
  close_descriptor(fd);
  if (frame.empty()) return false;
  frame_words words(frame);
  text verb;
  text inner;
  const bool fits = is_frame(frame, door::spawn_limit) && words.next(verb) && verb == "spawn" &&
                    words.next(inner) && inner == id;
  const bool kept = fits && spawn(id, frame, true, with);
  munmap(const_cast<char*>(frame.data()), frame.size());
  return kept;
}

/// False: what came with it does not fit to it.
bool doorkeeper::spawn(text id, text frame, bool mapped, descriptor_list& with) {
  frame_words words(frame);
  text skipped;
  words.next(skipped);
  words.next(skipped);
  spawn_outline outline;
  if (!outline_spawn(words, outline) || outline.descriptors() != with.size()) return false;

  const command* same = commands_.find(id);
  const bool known = same && !same->settled();
  command* c = known ? nullptr : commands_.add(id);
  if (!c) {
    const text why = known ? text("there is a command of this id") : text("init knows no more commands");
    const start_failure code = known ? start_failure::not_allowed : start_failure::process_limit;
    answer(frame_line("failed")
               .word(id)
               .word(door::start_failures[static_cast<int>(code)])
               .number(known ? EEXIST : EAGAIN)
               .word(why));
    return true;
  }
  c->outlives = outline.outlive;
  c->on_terminal = outline.tty;
  if (!start(*c, frame, mapped, outline, with)) note_end(*c);
  return true;
}

/// Whether so many more can be kept, and still what comes with frames be received.
bool doorkeeper::has_room_for(size_t descriptors) {
  constexpr size_t reserve = 64;
  rlimit limit{};
  if (descriptors == 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0) return true;
  size_t kept = 0;
  for (const command& c : commands_)
    for (int fd : c.fds) kept += fd >= 0 ? 1 : 0;
  return kept + descriptors + reserve <= limit.rlim_cur;
}

void doorkeeper::refuse(command& c, start_problem problem) {
  c.now = phase::failed;
  c.untold |= untold_failure;
  c.problem = static_cast<start_problem*>(malloc(sizeof problem));
  if (c.problem) *c.problem = problem;
  for (int& fd : c.fds) close_descriptor(fd);
}

/// False: it has failed.
bool doorkeeper::start(command& c, text frame, bool mapped, const spawn_outline& outline,
                       descriptor_list& with) {
  const size_t to_keep = outline.descriptors() - outline.streams() + (outline.tty ? 1 : 0);
  if (!has_room_for(to_keep)) {
    const start_failure code = outline.tty ? start_failure::pty_limit : start_failure::process_limit;
    refuse(c, problem_of(code, EMFILE, "init keeps no more descriptors"));
    return false;
  }
  pty made;
  if (outline.tty && !open_pty(made, outline.rows, outline.columns)) {
    const bool none_left = errno == ENOSPC || errno == EMFILE || errno == ENFILE || errno == EAGAIN;
    const start_failure code = none_left ? start_failure::pty_limit : start_failure::not_allowed;
    refuse(c, problem_of(code, errno, "no terminal"));
    return false;
  }
  command_streams streams{made.slave, made.slave, made.slave};
  if (!outline.tty) {
    streams.in = outline.input ? with.take() : nothing_;
    streams.out = with.take();
    streams.err = with.take();
  }
  const oom_count before = oom_.now();
  pid_t pid = mapped ? -1 : crew_.give(commands_.place_of(c), frame, streams);
  if (pid < 0) pid = fork();
  if (pid == 0) run_subreaper(commands_.place_of(c), frame, mapped, streams, environment_);
  const int error = errno;
  if (outline.tty) {
    close(made.slave);
  } else {
    if (outline.input) close(streams.in);
    close(streams.out);
    close(streams.err);
  }
  if (pid < 0) {
    close_descriptor(made.master);
    refuse(c, problem_of(start_failure::process_limit, error, "no room for another process"));
    return false;
  }
  c.subreaper = pid;
  c.oom_before = before;
  c.fds[kept_tty] = made.master;
  if (outline.outlive) {
    if (!outline.tty) {
      c.fds[kept_in] = outline.input ? with.take() : -1;
      c.fds[kept_out] = with.take();
      c.fds[kept_err] = with.take();
    }
    c.fds[kept_history] = with.take();
  }
  return true;
}

bool doorkeeper::send_signal(text id, frame_words words) {
  text number;
  text whom;
  uint64_t signal = 0;
  const bool tree = words.next(number) && words.next(whom) && whom == "tree";
  if (!parse_number(number, 64, signal)) return false;
  read_news(); // a pid whose end has been told already may be somebody else's
  const command* c = commands_.find(id);
  if (!c || !c->alive() || c->now == phase::failed || (!tree && c->now != phase::running)) return true;
  process_table table;
  if (!table.scan()) return true;
  process* owner = table.find(c->subreaper);
  if (!owner) return true;
  owner->chosen = true;
  if (tree) table.choose_descendants();
  for (const process& p : table) {
    const bool meant =
        tree ? p.chosen && p.pid != c->subreaper : p.pid == c->main && p.parent == c->subreaper;
    if (meant && !p.ended()) kill(p.pid, static_cast<int>(signal));
  }
  return true;
}

bool doorkeeper::resize(text id, frame_words words) {
  text rows_word;
  text columns_word;
  unsigned short rows = 0;
  unsigned short columns = 0;
  if (!words.next(rows_word) || !words.next(columns_word) || !parse_size(rows_word, rows) ||
      !parse_size(columns_word, columns))
    return false;
  const command* c = commands_.find(id);
  if (c && c->fds[kept_tty] >= 0) resize_pty(c->fds[kept_tty], rows, columns);
  return true;
}

void doorkeeper::close_input(text id) {
  command* c = commands_.find(id);
  if (!c) return answer(frame_line("input-closed").word(id));
  close_descriptor(c->fds[kept_in]);
  c->untold |= untold_input_closed;
}

void doorkeeper::hang_up(text id) {
  command* c = commands_.find(id);
  if (!c) return answer(frame_line("hung-up").word(id));
  close_descriptor(c->fds[kept_tty]);
  c->untold |= untold_hang_up;
}

void doorkeeper::forget(text id) {
  command* c = commands_.find(id);
  if (!c || c->now != phase::ended) return;
  for (int& fd : c->fds) close_descriptor(fd);
  c->untold = 0;
  c->forgotten = true;
  settle(*c);
}

void doorkeeper::end(text id) {
  command* c = commands_.find(id);
  if (!c) return answer(gone_frame(id, false)); // nobody here knows anything of it
  if (c->gone && !c->confirmed && !c->alive())
    hunt(*c);
  else if (c->gone)
    c->untold |= untold_gone;
  else if (c->now != phase::failed)
    ask_end(*c);
}

/// Asks the subreaper, and again later: in a space with a root of its own others can send the signal too, and
/// of two that wait the kernel keeps one.
void doorkeeper::ask_end(command& c) {
  constexpr uint64_t again_ms = 100;
  const bool again = c.end_asked;
  c.end_asked = true;
  kill(c.subreaper, end_signal);
  kill(c.subreaper, SIGCONT);
  const uint64_t next = now_ms() + again_ms;
  if (next < due_) due_ = next;
  if (!again || c.now != phase::starting) return;
  // It waits for a child that does not get to its program; once that is dead it hears.
  process_table table;
  process* owner = table.scan() ? table.find(c.subreaper) : nullptr;
  if (!owner) return;
  owner->chosen = true;
  table.choose_descendants();
  for (const process& p : table)
    if (p.chosen && p.pid != c.subreaper && !p.ended()) kill(p.pid, SIGKILL);
}

/// Its subreaper was killed: what bears its mark is all that can be found, as `init kill` does it. That takes
/// its time, and so a process, which stands in the subreaper's place until it has done what it can.
void doorkeeper::hunt(command& c) {
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(nothing_, STDOUT_FILENO); // what it says is for the Engine's exec
    close_descriptors(news_fd, ~0U);
    _exit(kill_command(c.id()));
  }
  if (pid < 0) {
    c.untold |= untold_gone;
    return;
  }
  c.subreaper = pid;
  c.gone = false;
}

void doorkeeper::look_after_due(uint64_t now) {
  due_ = UINT64_MAX;
  for (command& c : commands_) {
    if (!c.alive() || c.gone || c.lost || c.now == phase::unused || c.now == phase::failed) continue;
    if (c.orphan_at > now && !c.end_asked) {
      if (c.orphan_at < due_) due_ = c.orphan_at;
    } else if (c.end_asked || c.orphan_at != 0) {
      ask_end(c);
    }
  }
}

} // namespace clawdspace::init
