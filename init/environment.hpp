#pragma once

#include "accounts.hpp"
#include "arena.hpp"
#include "options.hpp"

namespace clawdspace::init {

/// The value of a variable in an environment, or null. Of two, the last: what the daemon adds comes behind
/// what a request brought along.
const char* find_variable(char* const* environment, text name);

/// The environment of the command: what the Engine gave us and over it what `--set` says, without the token
/// and with the mark, and with HOME, USER, LOGNAME, SHELL and PATH as a login would have them where nobody
/// chose otherwise; on a terminal TERM, and LANG where there is no locale at all.
///
/// `root_home` is the home that passwd gives uid 0. We run as uid 0, so the Engine sets HOME to it, to /root
/// or to / where no HOME was there; on a terminal it sets TERM=xterm. Neither is anybody's choice.
char** command_environment(arena& memory, char* const* inherited, const command_spec& spec,
                           const identity& who, text root_home);

} // namespace clawdspace::init
