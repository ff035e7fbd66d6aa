#pragma once

#include <clawdspace/http/server.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace clawdspace::test {

/// What a test's server noted about one request.
struct noted {
  std::string path;
  int status = 0;
  std::string id;
  std::uint64_t bytes_sent = 0;
};

/// What the test server's handlers and the test share. Looked at by the client's thread only after the server
/// has ended.
struct served {
  std::vector<noted> requests;
  int departures = 0;
  int cancelled = 0;
  std::string failure;        ///< what a handler that notes failures caught
  std::size_t chunks = 0;     ///< that `/flood` has sent
  std::shared_ptr<void> kept; ///< by the handler, from its first request to the end of the loop
};

/// A server with a handler for each thing a test asks of one, on a loop that this thread runs until `client`,
/// on a thread of its own, has ended and the server has stopped. Rethrows what the client throws; fails with
/// std::errc::timed_out where it takes longer than `deadline`.
///
/// `stop`, given to the client, calls server::stop on the loop.
struct control {
  unsigned short port = 0;
  std::function<void()> stop;
  std::function<std::size_t()> connections; ///< asks the loop
};
served with_server(http::server_limits limits, const std::function<void(const control&)>& client,
                   std::chrono::seconds deadline = std::chrono::seconds(30));

/// The same with a handler of the test's own.
using handler = std::function<task<>(http::exchange&, served&)>;
served with_handler(http::server_limits limits, const handler& handle,
                    const std::function<void(const control&)>& client,
                    std::chrono::seconds deadline = std::chrono::seconds(30));

/// Waits, within a bound, until the condition holds; throws otherwise.
void eventually(const std::function<bool()>& condition);

} // namespace clawdspace::test
