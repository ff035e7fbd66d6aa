#pragma once

#include <cstddef>
#include <span>

namespace clawdspace::http {

/// How many bytes can be read from a pipe, a terminal or a socket at once. Throws std::system_error.
std::size_t ready_in(int fd);

/// Reads what is there already, without waiting for more and whatever the descriptor's flags say, which are
/// not ours to change; 0 where nothing is there, or ever will be. Throws std::system_error.
std::size_t read_ready(int fd, std::span<std::byte> into);

} // namespace clawdspace::http
