#include "process_table.hpp"

namespace clawdspace::init {
namespace {

process* find_pid(process* first, size_t count, pid_t pid) {
  size_t low = 0;
  size_t high = count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (first[middle].pid < pid)
      low = middle + 1;
    else
      high = middle;
  }
  return low < count && first[low].pid == pid ? first + low : nullptr;
}

} // namespace

process* process_table::find(pid_t pid) { return find_pid(entries_, size_, pid); }
void process_table::choose_descendants() { init::choose_descendants(entries_, size_); }

void choose_descendants(process* first, size_t count) {
  // A parent mostly has the lower pid, so that one round upwards mostly does; after the pids wrapped around,
  // one downwards helps.
  for (bool changed = true, upwards = true; changed; upwards = !upwards) {
    changed = false;
    for (size_t i = 0; i < count; ++i) {
      process& p = first[upwards ? i : count - 1 - i];
      if (p.chosen) continue;
      const process* parent = find_pid(first, count, p.parent);
      if (parent && parent->chosen) changed = p.chosen = true;
    }
  }
}

} // namespace clawdspace::init
