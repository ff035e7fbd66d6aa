#include "process_table.hpp"

#include "files.hpp"
#include "listing.hpp"
#include "proc_text.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace clawdspace::init {

bool process_table::add(const process& found) {
  if (size_ == room_) {
    const size_t room = room_ == 0 ? 1024 : room_ * 2;
    void* grown = room_ == 0
                      ? mmap(nullptr, room * sizeof(process), PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                      : mremap(entries_, room_ * sizeof(process), room * sizeof(process), MREMAP_MAYMOVE);
    if (grown == MAP_FAILED) return false;
    entries_ = static_cast<process*>(grown);
    room_ = room;
  }
  entries_[size_++] = found;
  return true;
}

bool process_table::fail(int error) {
  size_ = 0;
  errno = error;
  return false;
}

bool process_table::scan() {
  size_ = 0;
  if (proc_ < 0) proc_ = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (proc_ < 0 || lseek(proc_, 0, SEEK_SET) != 0) return fail(errno);
  number_listing pids(proc_);
  for (uint64_t pid = 0; pids.next(pid);) {
    line<32> path;
    path << pid << "/stat" << text("", 1);
    char bytes[1024];
    const long size = read_some(proc_, path.view().data(), bytes, sizeof bytes);
    // One that is gone meanwhile is not there; any other failure would make "nothing is left" a lie.
    if (size == -ENOENT || size == -ESRCH || size == 0) continue;
    if (size < 0) return fail(static_cast<int>(-size));
    process_stat about;
    if (!parse_stat({bytes, static_cast<size_t>(size)}, about)) return fail(EPROTO);
    if (!add({about.pid, about.parent, about.state, false})) return fail(ENOMEM);
  }
  return pids.error() == 0 || fail(pids.error());
}

process_table::~process_table() {
  if (proc_ >= 0) close(proc_);
  if (entries_) munmap(entries_, room_ * sizeof(process));
}

} // namespace clawdspace::init
