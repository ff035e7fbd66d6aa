#pragma once

namespace clawdspace::init {

/// PID 1 of a space: collects every orphan and serves the door until SIGTERM or SIGINT, then passes SIGTERM
/// on to all and returns once nobody else is left. Subreapers do not take it from PID 1 for a wish to end
/// their trees: each goes when its command has. Who ignores it is the Engine's to kill, at the end of its
/// grace.
void run_space(char* const* environment);

} // namespace clawdspace::init
