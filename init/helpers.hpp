#pragma once

#include "text.hpp"

#include <sys/types.h>

// What children of PID 1 do that end by themselves and need no program of the image.

namespace clawdspace::init {

/// The child's part, right after fork: writes what listens to `answer`, as the door's protocol has it.
[[noreturn]] void list_listeners(int answer, bool names);

/// The child's part: connects to a unix socket as the space's default user, hands one end of a pair out, and
/// carries bytes between the two until both directions are over. `path` and `image_user` are followed in
/// memory by a NUL.
[[noreturn]] void carry_unix(int answer, text path, text image_user, bool strict);

} // namespace clawdspace::init
