#pragma once

#include <stddef.h>
#include <sys/types.h>

namespace clawdspace::init {

struct process {
  pid_t pid;
  pid_t parent;
  char state;
  bool chosen;

  /// It has ended; what is left of it is its parent's to collect.
  bool ended() const { return state == 'Z' || state == 'X'; }
};

/// What /proc says, at one moment or rather over a few milliseconds: who forks meanwhile is found by the next
/// scan.
class process_table {
  int proc_ = -1;
  process* entries_ = nullptr; // by ascending pid
  size_t size_ = 0;
  size_t room_ = 0;

  bool add(const process& found);
  bool fail(int error);

 public:
  process_table() = default;
  process_table(const process_table&) = delete;
  process_table& operator=(const process_table&) = delete;
  ~process_table();

  /// False: errno. The table is then empty.
  bool scan();

  /// An open /proc, for more about a process.
  int proc() const { return proc_; }

  process* begin() { return entries_; }
  process* end() { return entries_ + size_; }
  process* find(pid_t pid);

  /// Chooses also whatever descends from a chosen one.
  void choose_descendants();
};

/// Chooses every entry of [first, first + count), sorted by pid, that descends from a chosen one. A ring of
/// parents, which a scan that is not of one moment could show, does not trap it.
void choose_descendants(process* first, size_t count);

} // namespace clawdspace::init
