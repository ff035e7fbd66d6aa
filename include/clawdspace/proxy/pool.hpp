#pragma once

#include <clawdspace/core/event.hpp>
#include <clawdspace/core/task.hpp>
#include <clawdspace/proxy/upstream.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>

namespace clawdspace::proxy {

struct pool_limits {
  std::size_t per_server = 128;
  std::size_t in_all = 1'024; ///< past it the one that rested longest is closed
  /// Shorter than what common servers keep an idle connection for (Node and uvicorn: 5 s), so that it is
  /// seldom they who close it, just when a request is on its way.
  std::chrono::milliseconds idle{4'000};
};

/// Connections that wait for the next request to the same server. None of them keeps a space awake.
class pool {
 public:
  pool(const asio::any_io_executor& executor, pool_limits limits);

  /// The one that rested shortest, if it has not been closed meanwhile and rested at most so long; else null.
  std::unique_ptr<upstream> take(const std::string& server, std::chrono::milliseconds at_most);
  /// Back from an exchange; one that is not reusable is closed.
  void give(const std::string& server, std::unique_ptr<upstream> used);

  /// Closes what rested too long; until cancelled.
  task<> run();

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  void close_older_than(std::chrono::steady_clock::time_point when);
  void close_oldest();

  pool_limits limits_;
  std::map<std::string, std::deque<std::unique_ptr<upstream>>, std::less<>> resting_; ///< oldest first
  std::size_t size_ = 0;
  event has_some_;
};

} // namespace clawdspace::proxy
