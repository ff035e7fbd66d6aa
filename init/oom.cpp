#include "oom.hpp"

#include "files.hpp"
#include "proc_text.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace clawdspace::init {
namespace {

constexpr const char* places[] = {
    "/sys/fs/cgroup/memory.events",             // v2
    "/sys/fs/cgroup/memory/memory.oom_control", // v1
};

} // namespace

void oom_counter::open() {
  for (const char* place : places) {
    fd_ = ::open(place, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd_ >= 0 && now().known) return;
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
}

oom_count oom_counter::now() const {
  char bytes[512]; // read whole at once by the kernel, which writes far less
  oom_count count;
  const ssize_t size = fd_ < 0 ? 0 : pread(fd_, bytes, sizeof bytes, 0);
  count.known = size > 0 && parse_oom_kills({bytes, static_cast<size_t>(size)}, count.kills);
  return count;
}

oom_count count_oom_kills() {
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
