#pragma once

#include "service.hpp"
#include "wire.hpp"
#include <clawdspace/http/parser.hpp>

namespace clawdspace::http {

/// What comes in on a connection, cut into requests: bytes that were received and not used yet stay here for
/// the next one.
class inlet {
 public:
  inlet(wire& from, service& shared);
  ~inlet() { let_go(); }
  inlet(const inlet&) = delete;
  inlet& operator=(const inlet&) = delete;

  /// Waits for the next request's head. False where there will be none: the client left between requests, was
  /// idle too long, or `wake` was called. Throws errc::malformed_request (`status` tells more),
  /// errc::client_left, std::errc::timed_out where a head does not end in time.
  task<bool> next_head();
  [[nodiscard]] request_head& head() { return parser_.request(); }
  [[nodiscard]] int status() const noexcept { return parser_.status(); }
  /// Whether nothing of a request has come yet.
  [[nodiscard]] bool idle() const noexcept { return idle_; }

  /// At most `into.size()` bytes of the body, 0 at its end; as exchange::read_some. `limit` bounds the
  /// silence.
  task<std::size_t> read_body(std::span<std::byte> into, std::chrono::milliseconds limit);
  /// The same into a pipe that does not block; nothing where that has no room. As exchange::read_to_pipe.
  task<std::optional<std::size_t>> read_body_to(int pipe, std::chrono::milliseconds limit);
  [[nodiscard]] bool body_over() const noexcept { return body_over_; }
  [[nodiscard]] const fields& trailers() const noexcept { return trailers_; }
  [[nodiscard]] bool body_broken() const noexcept { return broken_; }
  /// Whether a byte of the body is here already.
  [[nodiscard]] bool body_begun() const noexcept { return body_read_ > 0 || begin_ < end_; }
  /// Takes what has arrived of the body, up to `limit`, and drops it.
  void drop_now(std::size_t limit);
  /// Waits for the rest of it and drops it; false where that is more than `limit` or too slow.
  task<bool> drop(std::size_t limit, std::chrono::milliseconds patience);
  /// What is to come of a body of known length.
  [[nodiscard]] std::optional<std::uint64_t> remaining();

  /// For a connection whose protocol was switched: the bytes behind the head, or what came since and was not
  /// used yet; and where there is none, receives what has come, as wire::receive_now.
  [[nodiscard]] std::span<const std::byte> received() const { return unused(); }
  void use(std::size_t size) noexcept { begin_ += size; }
  std::optional<std::size_t> receive_now() { return fill_now(); }

  /// Whether bytes were received that belong to no request yet.
  [[nodiscard]] bool has_more() const noexcept { return begin_ < end_; }
  /// Reads and drops until the client has closed, too, or the time is over.
  task<> wait_for_close(std::chrono::milliseconds silence, std::chrono::milliseconds in_all);
  /// Gives the buffer back where nothing is in it.
  void let_go();

 private:
  [[nodiscard]] std::span<const std::byte> unused() const { return {buffer_.get() + begin_, end_ - begin_}; }
  /// Fills the empty buffer. 0: the client has closed; nothing: there is nothing yet.
  std::optional<std::size_t> fill_now();
  /// One step inside a body; need_more where the buffer is empty.
  parse_step::kind body_step();
  /// Until there is something of the body to receive; `limit` bounds the silence.
  task<> wait_for_body(std::chrono::milliseconds limit);

  wire& wire_;
  service& service_;
  parser parser_;
  buffer_pool::buffer buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::span<const std::byte> data_; ///< of the body, in the buffer
  fields trailers_;
  std::uint64_t body_read_ = 0;
  bool body_over_ = true;
  bool broken_ = false; ///< the body cannot be read to its end
  bool idle_ = false;
};

} // namespace clawdspace::http
