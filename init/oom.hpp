#pragma once

#include "report.hpp"

namespace clawdspace::init {

/// How many processes the kernel has killed in this space for want of memory: cgroup v2, then v1 (kernel 4.13
/// and later).
struct oom_count {
  bool known = false;
  uint64_t kills = 0;
};

oom_count count_oom_kills();

/// The same, again and again: keeps the file open.
class oom_counter {
  int fd_ = -1;

 public:
  void open();
  oom_count now() const;
};

oom_growth growth(oom_count before, oom_count after);

} // namespace clawdspace::init
