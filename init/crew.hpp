#pragma once

#include "subreaper.hpp"

namespace clawdspace::init {

/// Subreapers that are kept ready, so that no command waits for a fork of PID 1: each takes one command after
/// another. One whose command has ended and left nothing behind is idle again; while it has a tree it belongs
/// to that alone. A few are enough, since where all are busy a subreaper is forked for the one command.
class crew {
  static constexpr size_t most = 16;
  static constexpr size_t most_idle = 4;

  struct member {
    pid_t pid = -1;
    int orders = -1; // a SEQPACKET socket; its end sends the member home
    bool busy = false;
  };
  member members_[most];
  bool closed_ = false;

  member* find(pid_t pid);
  size_t idle() const;

 public:
  /// Hands it to one that is idle. Returns its pid, or -1 where there is none that can take it.
  pid_t give(uint32_t command, text frame, const command_streams& streams);
  /// The command that it was given is over, and so is all that this had started. False: it is none of these.
  bool take_back(pid_t pid);
  bool has(pid_t pid) { return find(pid) != nullptr; }
  /// Was collected.
  void collected(pid_t pid);
  /// Forks one where none is idle and there is room for it.
  void refill(char* const* environment);
  /// Sends home those that are idle, and the others when they are.
  void close();
};

} // namespace clawdspace::init
