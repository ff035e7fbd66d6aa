#include "arena.hpp"

#include "say.hpp"
#include <clawdspace/door/init_report.hpp>

#include <string.h>
#include <sys/mman.h>

namespace clawdspace::init {

namespace {

constexpr size_t alignment = 16;

constexpr size_t aligned(size_t count) { return (count + alignment - 1) / alignment * alignment; }

} // namespace

struct arena::chunk {
  chunk* before;
  size_t size;

  static constexpr size_t head() { return aligned(sizeof(chunk)); }
  char* begin() { return reinterpret_cast<char*>(this) + head(); }
};

void* arena::bytes(size_t count) {
  constexpr size_t usual = 64 * 1024;
  count = aligned(count);
  if (count > left_) {
    const size_t size = count + chunk::head() > usual ? count + chunk::head() : usual;
    void* fresh = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fresh == MAP_FAILED) die(door::exit_not_started, "no memory");
    chunk* const made = static_cast<chunk*>(fresh);
    *made = {newest_, size};
    newest_ = made;
    free_ = made->begin();
    left_ = size - chunk::head();
  }
  void* result = free_;
  free_ += count;
  left_ -= count;
  return result;
}

void arena::reset() {
  if (!newest_) return;
  while (newest_->before) {
    chunk* const later = newest_;
    newest_ = later->before;
    free_ = newest_->begin() + newest_->size - chunk::head(); // how much of it was used is not known any more
    munmap(later, later->size);
  }
  memset(newest_->begin(), 0, static_cast<size_t>(free_ - newest_->begin()));
  free_ = newest_->begin();
  left_ = newest_->size - chunk::head();
}

} // namespace clawdspace::init
