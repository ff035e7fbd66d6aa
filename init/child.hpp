#pragma once

#include "arena.hpp"
#include "options.hpp"
#include "report.hpp"

namespace clawdspace::init {

/// The child's part, right after fork and still as uid 0: becomes the command, or writes a start_problem to
/// `problems` (close-on-exec) and exits.
[[noreturn]] void become_command(const command_spec& spec, char* const* inherited, int problems);

/// The same for a child that shares its parent's memory until then (CLONE_VM | CLONE_VFORK), of a subreaper
/// that came through the door: its streams and nothing else but close-on-exec descriptors are open, signals
/// have their defaults, the umask is set. `problem.size` becomes more than 0 where there is one. What is
/// taken of `memory` is the parent's to take back. With a terminal it becomes the leader of that terminal's
/// session.
[[noreturn]] void become_door_command(const command_spec& spec, char* const* inherited, arena& memory,
                                      start_problem& problem);

} // namespace clawdspace::init
