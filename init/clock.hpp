#pragma once

#include <stdint.h>

namespace clawdspace::init {

/// ms on the monotonic clock.
uint64_t now_ms();

} // namespace clawdspace::init
