#pragma once

#include <stddef.h>

namespace clawdspace::init {

/// Memory for things that live as long as the process, or until `reset`. A process that cannot get it has
/// nothing left to do: it says so and exits with door::exit_not_started.
class arena {
  struct chunk;
  chunk* newest_ = nullptr;
  char* free_ = nullptr;
  size_t left_ = 0;

 public:
  /// Zeroed, aligned for any of our types.
  void* bytes(size_t count);
  template <class T> T* array(size_t count) { return static_cast<T*>(bytes(count * sizeof(T))); }
  /// Takes all back; a page or two are kept for what comes next.
  void reset();
};

} // namespace clawdspace::init
