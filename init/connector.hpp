#pragma once

#include "text.hpp"
#include <clawdspace/door/protocol.hpp>

#include <poll.h>

namespace clawdspace::init {

/// TCP connections that the daemon has asked for: made without ever waiting for one, and handed out as soon
/// as they are there. Each has a socket of its own for the answer.
class connector {
  struct attempt {
    int socket = -1;
    int answer = -1;
    uint64_t until = 0; // ms on the monotonic clock
  };
  attempt all_[door::connecting_limit];

  void finish(attempt& a, int error);

 public:
  static constexpr size_t watched = door::connecting_limit;

  /// How many are under way.
  size_t size() const;
  /// Takes `answer`. False: that is no address.
  bool begin(text address, text port, int answer, uint64_t now);
  void watch(pollfd* fds) const;
  uint64_t deadline() const;
  void serve(const pollfd* fds, uint64_t now);
};

/// Says why there is no connection.
void refuse_connection(int answer, int error);
/// Hands it out.
void hand_out(int answer, int socket);

} // namespace clawdspace::init
