#pragma once

#include "inlet.hpp"
#include "served_exchange.hpp"

namespace clawdspace::http {

/// The whole 503 that a connection gets which there is no room for.
std::string refusal(service& shared, const std::string& why);

/// A client's connection from its first byte to its close: one request after another.
class connection {
 public:
  connection(asio::ip::tcp::socket socket, const asio::ip::tcp::endpoint& peer, service& shared);

  /// Answers requests until either side closes. Throws only what a cancellation throws.
  task<> serve();
  /// Tells one that there is no room for so, without reading a request, and closes.
  task<> turn_away(std::string refusal);

  /// The server stops: ends the wait for a next request, or a WebSocket.
  void go_away();
  /// Called now and then, for deadlines.
  void look(steady_time now);
  /// Called less often: lets go of a client that has fallen silent.
  void look_for_silence(steady_time now);

 private:
  task<> serve_requests();
  task<bool> serve_one();
  task<bool> answer(std::exception_ptr refused, int status);
  task<> close(std::chrono::milliseconds silence, std::chrono::milliseconds in_all);

  service& service_;
  std::string peer_;
  wire wire_;
  inlet inlet_;
  std::string scratch_;
  upgraded* became_ = nullptr; ///< while it is of another protocol
  bool busy_ = false;          ///< a request is being answered
  bool unread_ = false;        ///< the client may still be sending: close so that it reads the answer first
};

} // namespace clawdspace::http
