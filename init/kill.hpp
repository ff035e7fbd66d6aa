#pragma once

#include "text.hpp"

namespace clawdspace::init {

/// `init kill ID`, see <clawdspace/door/init_report.hpp>: prints the result and returns the exit code.
int kill_command(text id);

/// For the subreaper of `id`, once nothing of its tree is left: tells every `init kill ID` that waits. That
/// is a SIGUSR1 whose sender the kernel writes, so that nobody else in the space can say it.
void confirm_kills(text id);

} // namespace clawdspace::init
