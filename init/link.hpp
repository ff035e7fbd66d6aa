#pragma once

#include "clock.hpp"
#include "descriptors.hpp"

#include <stdint.h>

namespace clawdspace::init {

/// The connection to the daemon, and when to try for the next one.
class door_link {
 public:
  enum class state : unsigned char {
    closed,
    greeting, // what we know is being told
    waiting,  // for `welcome`
    open,
  };

 private:
  int fd_ = -1;
  state state_ = state::closed;
  bool blocked_ = false;
  uint64_t crowded_until_ = 0;
  uint64_t lost_at_ = 0;
  uint64_t next_try_ = 0;

 public:
  state now() const { return state_; }
  bool open() const { return state_ == state::open; }
  int fd() const { return fd_; }
  /// The socket takes no more for now, until poll(2) says so or, where that does not help, until retry_at().
  bool blocked() const { return blocked_; }
  uint64_t retry_at() const { return blocked_ && crowded_until_ != 0 ? crowded_until_ : UINT64_MAX; }
  void unblock() { blocked_ = false; }
  /// When to call `attempt`; where it is connected, never.
  uint64_t next_try() const { return state_ == state::closed ? next_try_ : UINT64_MAX; }

  void start(uint64_t now);
  /// Tries to connect. True: `greeting` has begun.
  bool attempt(uint64_t now);
  void proceed(state to) { state_ = to; }
  void close(uint64_t now);

  /// `done`, `later` or `broken`, which leaves closing to the caller.
  transfer send(text frame, const int* fds = nullptr, size_t count = 0);
  transfer receive(char* into, size_t room, text& frame, descriptor_list& with);
};

} // namespace clawdspace::init
