#pragma once

#include "text.hpp"

namespace clawdspace::init {

/// A terminal of the space's own devpts, owned by uid 0, both ends close-on-exec and nobody's controlling
/// terminal. The master does not block.
struct pty {
  int master = -1;
  int slave = -1;
};

/// False: errno. What stands at /dev may be the space's own idea of it: nothing but a pty is taken.
bool open_pty(pty& made, unsigned short rows, unsigned short columns);

bool resize_pty(int master, unsigned short rows, unsigned short columns);

} // namespace clawdspace::init
