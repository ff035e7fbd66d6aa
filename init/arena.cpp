#include "arena.hpp"

#include "say.hpp"
#include <clawdspace/door/init_report.hpp>

#include <sys/mman.h>

namespace clawdspace::init {

void* arena::bytes(size_t count) {
  constexpr size_t alignment = 16;
  constexpr size_t chunk = 64 * 1024;
  count = (count + alignment - 1) / alignment * alignment;
  if (count > left_) {
    const size_t size = count > chunk ? count : chunk;
    void* fresh = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fresh == MAP_FAILED) die(door::exit_not_started, "no memory");
    free_ = static_cast<char*>(fresh);
    left_ = size;
  }
  void* result = free_;
  free_ += count;
  left_ -= count;
  return result;
}

} // namespace clawdspace::init
