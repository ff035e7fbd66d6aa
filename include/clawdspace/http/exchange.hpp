#pragma once

#include <clawdspace/core/poller.hpp>
#include <clawdspace/core/task.hpp>
#include <clawdspace/core/units.hpp>
#include <clawdspace/http/message.hpp>
#include <clawdspace/http/query.hpp>
#include <clawdspace/http/websocket.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace clawdspace::http {

/// The head of a response that is passed on from another server. What frames the body is said by `length`
/// alone: such lines in `headers` are left out, `Date` and `X-Request-Id` are only added where there is none.
struct relayed_head {
  int status = 200;
  std::string reason;
  fields headers;
  std::optional<std::uint64_t> length; ///< of the body; of one that there would be, for HEAD and 304
};

/// A connection whose protocol was switched: bytes both ways. One coroutine may read while another writes.
class raw_stream {
 public:
  virtual ~raw_stream() = default;
  /// At least a byte, or 0 at the end. Throws errc::client_left for a reset, errc::shutting_down while the
  /// server stops.
  virtual task<std::size_t> read_some(std::span<std::byte> into) = 0;
  /// Returns when the socket has taken it, which is the back-pressure. Throws errc::client_left.
  virtual task<> write(std::span<const std::byte> data) = 0;
  /// No more to send; what the client sends may still be read.
  virtual void end_sending() = 0;
  /// Closing resets the connection: what the client has is not whole.
  virtual void reset_on_close() = 0;
};

/// One request and its response: what a handler is given. A handler responds once, with `respond`, or with
/// `start`, any number of `write`s and `finish`, or with `accept_websocket`; what it throws before that
/// becomes an error response, and after it cuts the connection, so that the client sees that the answer is
/// not whole.
class exchange {
 public:
  virtual ~exchange() = default;

  [[nodiscard]] virtual const request_head& head() const = 0;
  /// Goes back to the client as X-Request-Id and into every log line about the request.
  [[nodiscard]] virtual std::string_view id() const = 0;
  /// The decoded query; throws errc::malformed_request.
  [[nodiscard]] virtual const query& parameters() = 0;
  /// A `{name}` of the route's pattern, percent-decoded; empty where the pattern has none of that name.
  [[nodiscard]] virtual std::string_view path_parameter(std::string_view name) const = 0;
  /// What the router found: who routes hands it over before calling the handler.
  virtual void set_path_parameters(std::vector<std::pair<std::string, std::string>> parameters) = 0;
  /// Address of the client, for the log.
  [[nodiscard]] virtual std::string_view peer() const = 0;

  /// Reads at most `into.size()` bytes of the body as they arrive; 0 is its end. The first read answers
  /// `Expect: 100-continue`. Throws errc::malformed_request for a body whose framing is broken,
  /// errc::client_left where the connection ends inside it, std::errc::timed_out where nothing came within
  /// the body deadline: a handler whose client may well be silent for long (`curl -T -` from a terminal) says
  /// so with `allow_slow_body`.
  virtual task<std::size_t> read_some(std::span<std::byte> into) = 0;
  virtual void allow_slow_body() = 0;
  /// Answers `Expect: 100-continue`, for a handler that begins its response before it reads: behind that
  /// there is no place for it any more.
  virtual task<> ask_for_body() = 0;
  /// What came behind a chunked body; empty before its end.
  [[nodiscard]] virtual const fields& trailers() const = 0;
  /// The whole body. Throws errc::body_too_large past `limit` (before reading, where Content-Length tells).
  virtual task<std::string> read_all(bytes limit) = 0;

  /// Moves what has arrived of the body into a pipe whose descriptor does not block, without taking it into
  /// the process where the kernel can do so; 0 is the end, and nothing means that the pipe has no room: wait
  /// for that, and call again. Otherwise as `read_some`; a pipe that nobody reads is std::errc::broken_pipe.
  virtual task<std::optional<std::size_t>> read_to_pipe(int pipe) = 0;

  virtual task<> respond(response whole) = 0;

  /// Sends the head of a chunked response at once (for HTTP/1.0: a body that ends with the connection, no
  /// trailers). `trailer_names` are declared in it. HEAD requests get the head alone, and writes go nowhere.
  virtual task<> start(int status, fields headers, std::vector<std::string> trailer_names = {}) = 0;
  /// The same for a body of known length: exactly so many bytes must follow before `finish`, and the client
  /// sees an end before that as a failure. Of a HEAD request the length is told and nothing else.
  virtual task<> start_sized(int status, fields headers, std::uint64_t length) = 0;
  /// Sends one chunk; returns when the socket has taken it, which is the back-pressure. Nothing for an empty
  /// span.
  virtual task<> write(std::span<const std::byte> chunk) = 0;
  /// The same for a response that is passed on: with its own length, chunked where it has none, or until the
  /// close for HTTP/1.0. `first` is what there is of the body already, and goes out with the head.
  virtual task<> start_relayed(relayed_head head, std::span<const std::byte> first) = 0;
  /// Sends an interim response (RFC 9110 section 15.2) other than 100 and 101; HTTP/1.0 gets none.
  virtual task<> inform(int status, fields headers) = 0;
  /// Answers 101, in place of any other response; `headers` has the `Upgrade`. What it returns lives as long
  /// as the exchange, and is never null. Throws errc::shutting_down while the server stops.
  virtual task<raw_stream*> switch_protocols(fields headers) = 0;
  task<> write(std::string_view text) { return write(std::as_bytes(std::span(text))); }
  /// Sends exactly `size` bytes that stand ready in a pipe as `write` would, without taking them into the
  /// process where the kernel can do so. A pipe that holds less (another one reads from it) is
  /// errc::internal, and as any failure it cuts the response. The pipe's flags are left alone. The process
  /// must ignore SIGPIPE: splice(2) raises it.
  virtual task<> write_from_pipe(int pipe, std::size_t size) = 0;
  virtual task<> finish(fields trailers = {}) = 0;

  /// Answers a WebSocket's opening handshake: 101, in place of any other response. What it returns lives as
  /// long as the exchange, and is never null. Throws errc::upgrade_required (426), errc::malformed_request or
  /// errc::origin_refused for a handshake that is wrong, errc::shutting_down while the server stops.
  virtual task<websocket*> accept_websocket(websocket_options options) = 0;

  [[nodiscard]] virtual bool started() const = 0;
  /// What has been sent of the body, before chunk framing; for the log.
  [[nodiscard]] virtual std::uint64_t bytes_sent() const = 0;

  /// Returns when the client has left: end-of-file or a reset on the connection, also behind bytes that were
  /// not read, or silence that TCP gives up on. A half-closed connection counts. Reads nothing. May be
  /// awaited by one at a time, and beside reads and writes.
  virtual task<> wait_departure() = 0;
  /// The same for who has no coroutine to spare: `left` is called once, from the loop, unless what is
  /// returned was destroyed before.
  [[nodiscard]] virtual std::unique_ptr<poller::watch> on_departure(std::function<void()> left) = 0;
};

} // namespace clawdspace::http
