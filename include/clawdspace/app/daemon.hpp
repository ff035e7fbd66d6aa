#pragma once

#include <clawdspace/core/config.hpp>

#include <asio/io_context.hpp>

#include <memory>

namespace clawdspace::app {

/// What can be said of a configuration without starting anything. Throws errc::invalid_field.
void check(const configuration& config);

/// All parts, built from a configuration, in the order in which they stand on each other.
class daemon {
 public:
  /// Throws what keeps it from starting, as a sentence for the user.
  daemon(asio::io_context& loop, const configuration& config);
  ~daemon();

  /// Serves until SIGTERM, SIGINT or SIGHUP: stops accepting, lets requests end for a bounded time, stops the
  /// parts in reverse order. A second signal does not wait.
  void run();

 private:
  struct parts;
  asio::io_context& loop_;
  std::unique_ptr<parts> parts_;
};

} // namespace clawdspace::app
