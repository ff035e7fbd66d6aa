#pragma once

#include <stddef.h>
#include <stdint.h>

namespace clawdspace::init {

/// Empties the bounding set (needs SETPCAP) and forbids new privileges. False: errno.
bool renounce_privileges();

/// Groups, gid, uid, in this order; from uid 0 to another this also empties the permitted and effective sets.
/// False: errno.
bool become(uint32_t uid, uint32_t gid, const uint32_t* groups, size_t group_count);

/// Empties the inheritable set, and so the ambient one. False: errno.
bool clear_inheritable();

} // namespace clawdspace::init
