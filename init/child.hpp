#pragma once

#include "options.hpp"

namespace clawdspace::init {

/// The child's part, right after fork and still as uid 0: becomes the command, or writes a start_problem to
/// `problems` (close-on-exec) and exits.
[[noreturn]] void become_command(const command_spec& spec, char* const* inherited, int problems);

} // namespace clawdspace::init
