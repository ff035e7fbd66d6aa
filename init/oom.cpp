#include "oom.hpp"

#include "files.hpp"
#include "proc_text.hpp"

#include <fcntl.h>

namespace clawdspace::init {

oom_count count_oom_kills() {
  constexpr const char* places[] = {
      "/sys/fs/cgroup/memory.events",             // v2
      "/sys/fs/cgroup/memory/memory.oom_control", // v1
  };
  for (const char* place : places) {
    char bytes[512];
    const long size = read_some(AT_FDCWD, place, bytes, sizeof bytes);
    oom_count count;
    if (size > 0 && parse_oom_kills({bytes, static_cast<size_t>(size)}, count.kills)) {
      count.known = true;
      return count;
    }
  }
  return {};
}

oom_growth growth(oom_count before, oom_count after) {
  if (!before.known || !after.known || after.kills < before.kills) return {};
  return {true, after.kills - before.kills};
}

} // namespace clawdspace::init
