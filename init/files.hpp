#pragma once

#include "arena.hpp"
#include "text.hpp"

namespace clawdspace::init {

/// Reads at most `room` bytes of a file below /proc or /sys, where one read may be short. Negative: errno.
long read_some(int directory, const char* path, char* into, size_t room);

/// A file whose owner may be hostile: a regular file or nothing (a fifo must not stop us), never waited for,
/// and of a large one the whole lines within the first MiB. Whatever cannot be read is empty.
text read_table(arena& memory, const char* path);

} // namespace clawdspace::init
