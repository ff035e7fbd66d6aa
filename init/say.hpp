#pragma once

#include "text.hpp"

namespace clawdspace::init {

/// Writes a line to a stream of ours, all of it where that is possible.
void say(int fd, text words);

/// Says it on stderr, with the program's name, and exits.
[[noreturn]] void die(int exit_code, text words);

} // namespace clawdspace::init
