#pragma once

#include <clawdspace/core/task.hpp>
#include <clawdspace/http/exchange.hpp>
#include <clawdspace/proxy/pool.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace clawdspace::proxy {

/// A server to pass requests on to.
struct destination {
  std::string server; ///< its name in the pool: the same for the same server
  /// A new connection. What it throws is the answer.
  std::function<task<stream_socket>()> connect;
};

/// What becomes of one request on its way.
struct errand {
  std::string target;   ///< the path and query that the server sees
  http::fields headers; ///< end to end, and what the proxy says itself
  /// Looks at the headers of the answer, interim ones too, before they go to the client.
  std::function<void(http::fields&)> edit_answer;
  std::optional<std::chrono::milliseconds>
      head_time; ///< longest silence before the answer; nothing: no bound

  /// The connection has become another protocol's: from now on `moved` tells of use.
  std::function<void()> upgraded;
  /// Bytes have come from the server that mean something (no WebSocket's control frame).
  std::function<void()> moved;
  /// Bytes have come for the server, of which some mean something: it may have to be woken.
  std::function<task<>()> wake;
};

/// Passes a request on and its answer back, both as they come: nothing is collected, and nothing is read that
/// the other side does not take. Throws errc::bad_answer, errc::connection_lost, errc::port_timed_out,
/// errc::client_left, and what `connect` throws.
task<> forward(http::exchange& x, pool& connections, destination to, errand how);

} // namespace clawdspace::proxy
