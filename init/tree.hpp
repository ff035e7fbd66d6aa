#pragma once

#include "signals.hpp"

#include <sys/types.h>

namespace clawdspace::init {

/// A child whose end is of interest among all that a subreaper inherits.
struct watched_child {
  pid_t pid = -1;
  bool ended = false;
  int status = 0; // as wait(2) has it, once ended
};

enum class reaped : unsigned char { none, some, all };

/// Collects every child that has ended. `all`: there is no child left, alive or dead.
reaped reap(watched_child& main);

/// Kills everything that descends from this process, a subreaper, in repeated passes until it has no child
/// left. This wins against processes that fork faster than a pass sees them: what a pass misses has fewer
/// brothers in the next. A process that the kernel does not let die (frozen, or in uninterruptible sleep) is
/// waited for, for ever: the caller has the bound. The inbox wakes it for SIGCHLD; what else comes is
/// swallowed.
void end_descendants(signal_inbox& inbox, watched_child& main);

} // namespace clawdspace::init
