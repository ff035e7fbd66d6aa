#include "process_table.hpp"

#include "files.hpp"
#include "proc_text.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace clawdspace::init {
namespace {

// As getdents64(2) writes it.
struct directory_entry {
  uint64_t inode;
  int64_t offset;
  unsigned short size;
  unsigned char type;
  char name[1];
};

} // namespace

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

bool process_table::scan() {
  size_ = 0;
  if (proc_ < 0) proc_ = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (proc_ < 0 || lseek(proc_, 0, SEEK_SET) != 0) return false;
  alignas(directory_entry) char listing[8192];
  for (;;) {
    const long n = syscall(SYS_getdents64, proc_, listing, sizeof listing);
    if (n == 0) return true;
    if (n < 0) {
      size_ = 0;
      return false;
    }
    for (long at = 0; at < n;) {
      const auto* entry = reinterpret_cast<const directory_entry*>(listing + at);
      at += entry->size;
      uint64_t pid = 0;
      if (!parse_number(entry->name, 0x7fffffff, pid)) continue;
      line<32> path;
      path << entry->name << "/stat" << text("", 1);
      char bytes[1024];
      const long size = read_some(proc_, path.view().data(), bytes, sizeof bytes);
      process_stat about;
      // One that is gone meanwhile is not there; any other failure would make "nothing is left" a lie.
      if (size == -ENOENT || size == -ESRCH || size == 0) continue;
      if (size < 0 || !parse_stat({bytes, static_cast<size_t>(size)}, about)) {
        if (size < 0)
          errno = static_cast<int>(-size);
        else
          errno = EPROTO;
        size_ = 0;
        return false;
      }
      if (!add({about.pid, about.parent, about.state, false})) {
        size_ = 0;
        return false;
      }
    }
  }
}

} // namespace clawdspace::init
