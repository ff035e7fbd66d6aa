#include "listing.hpp"

#include <errno.h>
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

bool number_listing::next(uint64_t& number) {
  for (;;) {
    if (at_ == size_) {
      at_ = 0;
      size_ = syscall(SYS_getdents64, folder_, entries_, sizeof entries_);
      if (size_ < 0) error_ = errno;
      if (size_ <= 0) {
        size_ = 0;
        return false;
      }
    }
    const auto* entry = reinterpret_cast<const directory_entry*>(entries_ + at_);
    at_ += entry->size;
    if (parse_number(entry->name, 0x7fffffff, number)) return true;
  }
}

} // namespace clawdspace::init
