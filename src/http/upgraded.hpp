#pragma once

#include "wire.hpp"

namespace clawdspace::http {

/// What a connection became whose protocol was switched: what the server tells it.
class upgraded {
 public:
  virtual ~upgraded() = default;

  /// Called now and then, for deadlines.
  virtual void look(steady_time now) = 0;
  /// The server stops: say goodbye.
  virtual void go_away() = 0;
};

} // namespace clawdspace::http
