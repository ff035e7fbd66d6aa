#include "kill.hpp"

#include "clock.hpp"
#include "files.hpp"
#include "proc_text.hpp"
#include "process_table.hpp"
#include "say.hpp"
#include "signals.hpp"
#include <clawdspace/door/init_report.hpp>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/fsuid.h>
#include <unistd.h>

namespace clawdspace::init {
namespace {

using proc_path = line<48>;

proc_path path_of(pid_t pid, const char* file) {
  proc_path path;
  path << static_cast<uint64_t>(pid) << "/" << file << text("", 1);
  return path;
}

bool ids_of(const process_table& table, pid_t pid, process_ids& ids) {
  char bytes[4096];
  const long size = read_some(table.proc(), path_of(pid, "status").view().data(), bytes, sizeof bytes);
  return size > 0 && parse_status_ids({bytes, static_cast<size_t>(size)}, ids);
}

/// Whether this is `init VERB ID`, brought in from outside: only what the Engine puts into the space has
/// parent 0 (to anything inside, its parent is inside), and only we are uid 0 there with these words.
bool is_ours(const process_table& table, const process& p, text verb, text id) {
  if (p.parent != 0 || p.pid == 1 || p.ended()) return false;
  char bytes[256]; // a path, a verb and an id; what is longer is not ours
  const long size = read_some(table.proc(), path_of(p.pid, "cmdline").view().data(), bytes, sizeof bytes);
  if (size <= 0) return false;
  text words(bytes, static_cast<size_t>(size));
  words.take_until('\0');
  if (words.take_until('\0') != verb || words.take_until('\0') != id) return false;
  process_ids ids;
  return ids_of(table, p.pid, ids) && ids.uids[0] == 0;
}

/// Whether the environment that `p` was started with bears the mark. Reading that of another uid takes the
/// same ids or CAP_SYS_PTRACE; so this takes the ids, for the file system's purposes only, which leaves
/// CAP_KILL where it is.
bool bears_mark(const process_table& table, pid_t pid, text id) {
  process_ids ids;
  if (!ids_of(table, pid, ids)) return false;
  setfsgid(ids.gids[1]);
  setfsuid(ids.uids[1]);
  const int fd = openat(table.proc(), path_of(pid, "environ").view().data(), O_RDONLY | O_CLOEXEC);
  setfsuid(0);
  setfsgid(0);
  if (fd < 0) return false;
  environment_search search(door::mark_variable, id);
  bool found = false;
  char piece[4096];
  for (ssize_t n = 0; !found && (n = read(fd, piece, sizeof piece)) > 0;)
    found = search.feed({piece, static_cast<size_t>(n)});
  close(fd);
  return found;
}

class hunt {
  const text id_;
  process_table table_;
  pid_t subreaper_ = -1;
  bool confirmed_ = false;

  /// Sends SIGTERM to the subreaper of the id; false when there is none.
  bool ask_subreaper() {
    bool there = false;
    for (const process& p : table_) {
      if (!is_ours(table_, p, door::verb_exec, id_)) continue;
      there = true;
      subreaper_ = p.pid;
      kill(p.pid, SIGTERM); // every time: one that came while another was pending is lost
    }
    return there;
  }

  /// Kills what bears the mark and what descends from it; returns how many there were.
  uint64_t sweep() {
    for (process& p : table_) p.chosen = p.parent != 0 && !p.ended() && bears_mark(table_, p.pid, id_);
    table_.choose_descendants();
    uint64_t count = 0;
    for (const process& p : table_) {
      if (!p.chosen || p.parent == 0 || p.ended()) continue;
      ++count;
      kill(p.pid, SIGKILL);
    }
    return count;
  }

  /// Waits for the subreaper's word, for a moment.
  void listen(long ms) {
    const sigset_t word = signal_set(SIGUSR1);
    const timespec moment{ms / 1000, ms % 1000 * 1'000'000};
    siginfo_t from;
    while (!confirmed_ && sigtimedwait(&word, &from, &moment) == SIGUSR1)
      confirmed_ = from.si_code == SI_USER && from.si_pid == subreaper_;
  }

 public:
  explicit hunt(text id) : id_(id) {}

  int run() {
    constexpr uint64_t patience =
        1000; // ms that the subreaper has to itself; it knows its tree better than a mark does
    constexpr long longest_pause = 32; // ms
    const uint64_t start = now_ms();
    for (long pause = 1;; pause = pause < longest_pause ? pause * 2 : pause) {
      if (!table_.scan()) {
        line<128> words;
        words << "cannot read /proc: " << strerror(errno);
        die(1, words.view());
      }
      const bool there = !confirmed_ && ask_subreaper();
      listen(0); // it may have spoken and ended between the last look and this one
      const bool waiting = there && !confirmed_;
      const uint64_t elapsed = now_ms() - start;
      uint64_t left = 0;
      if (!waiting || elapsed > patience) left = sweep();
      if (left == 0 && !waiting) {
        say(STDOUT_FILENO, confirmed_ ? door::kill_confirmed : door::kill_unconfirmed);
        return 0;
      }
      if (elapsed > door::kill_limit_ms) {
        line<64> words;
        words << door::kill_left << " " << left + (waiting ? 1 : 0);
        say(STDOUT_FILENO, words.view());
        return 0;
      }
      listen(pause);
    }
  }
};

} // namespace

int kill_command(text id) {
  block_signals();
  return hunt(id).run();
}

void confirm_kills(text id) {
  process_table table;
  if (!table.scan()) return; // then nobody hears of it, and `unconfirmed` is what they will say
  for (const process& p : table)
    if (is_ours(table, p, door::verb_kill, id)) kill(p.pid, SIGUSR1);
}

} // namespace clawdspace::init
