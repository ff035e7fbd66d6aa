#pragma once

#include "report.hpp"

namespace clawdspace::init {

/// Where reports go: a stream that the command writes to as well, at its own pace. Never blocks, and never
/// touches the flags of an open file description that others share.
class report_channel {
  int fd_;
  bool private_; // a description of our own, which does not block
  report waiting_[2];
  size_t count_ = 0;
  size_t written_ = 0; // of the first

 public:
  /// Opens what `stream` refers to once more where that is possible: a pipe or a terminal. For anything else
  /// (a file, a socket, a pipe whose owner does not let us) writes go to `stream` itself when poll(2) says
  /// that it takes them.
  explicit report_channel(int stream);

  int fd() const { return fd_; }
  bool pending() const { return count_ > 0; }

  void push(const report& next);
  /// Puts `better` in place of the last one pushed where not a byte of that one was written yet.
  void replace_last(const report& better);
  /// Writes what can be written now. A stream that nobody reads any more takes nothing, and that is no error.
  void flush();
};

} // namespace clawdspace::init
