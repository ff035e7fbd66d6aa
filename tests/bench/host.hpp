#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

/// The floor: a program of the host's own, its output through a pipe.
struct host_run {
  double first_byte = 0; ///< seconds from the spawn; 0 where there was no output
  double in_all = 0;     ///< until it was waited for
};
host_run run_on_host(const std::vector<std::string>& argv);

/// MB a second of `size` bytes from a process's pipe to a loopback socket, spliced by this one and discarded
/// at the other end.
double splice_on_host(std::uint64_t size);

} // namespace bench
