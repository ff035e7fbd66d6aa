#pragma once

#include "options.hpp"
#include "report_channel.hpp"

namespace clawdspace::init {

/// Runs a command as its subreaper, in this process, and reports how it went to `channel`. On SIGTERM, unless
/// it is PID 1 that sends it (a space that stops gives its commands their own), the whole tree is ended.
/// Returns the exit code for this process: the command's, or 128 + its signal, or door::exit_not_started.
///
/// Precondition: uid 0, no children, and argv, if the caller's own, already out of sight.
int run_command(const command_spec& spec, text token, char* const* environment, report_channel& channel);

} // namespace clawdspace::init
