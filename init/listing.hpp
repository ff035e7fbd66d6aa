#pragma once

#include "text.hpp"

namespace clawdspace::init {

/// The names below an open folder that are numbers, as /proc and /proc/self/fd have them, in the kernel's
/// order, which there is ascending.
class number_listing {
  int folder_;
  long size_ = 0;
  long at_ = 0;
  int error_ = 0;
  alignas(8) char entries_[4096];

 public:
  explicit number_listing(int folder) : folder_(folder) {}
  /// False at the end, or when error() says so.
  bool next(uint64_t& number);
  int error() const { return error_; }
};

} // namespace clawdspace::init
