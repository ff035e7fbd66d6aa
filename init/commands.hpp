#pragma once

#include "frame.hpp"
#include "oom.hpp"
#include "report.hpp"

#include <sys/types.h>

namespace clawdspace::init {

enum class phase : unsigned char { unused, starting, running, ended, failed };

/// Descriptors that PID 1 keeps of a command; the letters of `fds=` are in this order.
enum kept_descriptor : unsigned char { kept_in, kept_out, kept_err, kept_tty, kept_history, kept_count };

/// What the daemon has yet to be told.
enum untold : unsigned char {
  untold_start = 1,
  untold_failure = 2,
  untold_input_closed = 4,
  untold_hang_up = 8,
  untold_end = 16,
  untold_gone = 32,
};

struct command {
  char name[door::id_limit] = {};
  unsigned char name_size = 0;
  phase now = phase::unused;
  unsigned char untold = 0;
  bool outlives = false;
  bool on_terminal = false;
  bool end_asked = false;
  bool forgotten = false; // by the daemon
  bool gone = false;      // nothing is left of its tree, or nobody watches it any more
  bool confirmed = false; // which of both
  bool lost = false;      // its subreaper was killed before its end
  ending how;
  pid_t subreaper = -1; // until it was collected
  pid_t main = -1;
  int fds[kept_count] = {-1, -1, -1, -1, -1};
  oom_count oom_before;
  oom_growth oom;
  uint32_t ended_as = 0;  // the how many-th ending it is
  uint64_t orphan_at = 0; // ms on the monotonic clock when it ends for want of a door; 0: never
  start_problem* problem = nullptr;

  text id() const { return {name, name_size}; }
  bool alive() const { return subreaper >= 0; }
  /// Nobody will hear or ask of it any more; only its subreaper may still be there.
  bool settled() const { return forgotten || (now == phase::failed && untold == 0); }
  bool runs() const { return now == phase::starting || now == phase::running; }
};

/// All commands that PID 1 knows, each in a place that stays the same. At most door::command_limit.
class command_table {
  uint32_t used_ = 0; // places that were ever taken
  uint32_t endings_ = 0;

 public:
  /// Null where the table is full.
  command* add(text id);
  /// A settled one only where there is no other: its id may be used again.
  command* find(text id);
  command* of_subreaper(pid_t pid);
  command* at(uint32_t place);
  uint32_t place_of(const command& c) const;

  command* begin();
  command* end();

  /// Lets go of all that is kept of it.
  void remove(command& c);
  /// Counts an ending, and forgets the oldest where there are more than door::ending_limit; with somebody
  /// there to tell it to, none that is yet to be told.
  void note_ending(command& c, bool somebody_there);
};

/// The frames about a command. Which descriptors go with `command_frame` is what c.fds says.
frame_line started_frame(const command& c);
frame_line failed_frame(const command& c);
frame_line ended_frame(const command& c);
frame_line gone_frame(text id, bool confirmed);
frame_line command_frame(const command& c);

} // namespace clawdspace::init
