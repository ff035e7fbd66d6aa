#pragma once

#include <clawdspace/core/task.hpp>

#include <asio/ip/tcp.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <sys/uio.h>

namespace clawdspace::http {

using steady_time = std::chrono::steady_clock::time_point;

/// A few pieces of memory that go out as one.
class gathered {
 public:
  gathered& add(std::span<const std::byte> piece);
  gathered& add(std::string_view text) { return add(std::as_bytes(std::span(text))); }
  [[nodiscard]] bool empty() const noexcept { return first_ == count_; }

 private:
  friend class wire;
  /// Leaves out what was sent.
  void skip(std::size_t sent);

  std::array<iovec, 4> pieces_{};
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

/// A connected socket: reads and writes try at once and wait only where the kernel would. What is waited for
/// has its bound from outside, by `look`: a deadline for reads, and for a peer that owes us acknowledgements
/// their silence. At most one read and one write at a time.
class wire {
 public:
  explicit wire(asio::ip::tcp::socket socket) : socket_(std::move(socket)) {}

  /// Sets what a served connection needs: no delay, keep-alive probes, bounded probing of a closed window.
  void set_options();

  [[nodiscard]] int fd() { return socket_.native_handle(); }

  /// What is there now: 0 is the end, nothing that there is nothing yet. Throws errc::client_left for a
  /// reset.
  std::optional<std::size_t> receive_now(std::span<std::byte> into);
  /// Waits until there is something to receive, or the end. Throws std::errc::timed_out past the deadline;
  /// false where `wake` ended the wait.
  task<bool> wait_readable();
  /// Sends all of it. Throws errc::client_left where the peer has gone. `more`: what comes next may share
  /// its last segment.
  task<> send(gathered what, bool more = false);
  /// Sends `size` bytes that stand ready in a pipe (or in what else can be read), without taking them into
  /// the process where the kernel can do so. Throws errc::client_left, and errc::internal where the pipe
  /// holds less: another one reads from it.
  task<> send_from_pipe(int pipe, std::size_t size, bool more);
  /// What `splice_now` did.
  struct spliced {
    enum class kind {
      moved,
      nothing, ///< has arrived yet
      no_room, ///< in the pipe
      not_so,  ///< the end, or it cannot be done: receive_now tells more
    };
    kind what = kind::not_so;
    std::size_t size = 0;
  };
  /// Moves at most `most` bytes that have arrived into a pipe whose descriptor does not block, without taking
  /// them into the process. Throws errc::client_left for a reset and std::errc::broken_pipe where nobody
  /// reads the pipe.
  spliced splice_now(int pipe, std::uint64_t most);
  /// Whether so much has moved without waiting that other connections are due.
  bool turn_is_over(std::size_t moved) noexcept;
  /// Sends what the kernel takes at once, and returns how much that was; whether the peer has gone is for
  /// reads to find out.
  std::size_t send_now(std::string_view text) noexcept;

  void set_read_deadline(steady_time when) noexcept { read_deadline_ = when; }
  void clear_read_deadline() noexcept { read_deadline_ = steady_time::max(); }

  /// Ends a wait for something to read.
  void wake();
  /// Called now and then: ends a read whose deadline is over.
  void look(steady_time now);
  /// Called less often: whether something was sent that the peer has not acknowledged, nothing came from it
  /// for `limit`, and so it was at the last call too. A peer that answers, be it only to what probes its
  /// closed window, is alive however long it takes nothing: TCP_USER_TIMEOUT would not make that difference.
  [[nodiscard]] bool is_silent(steady_time now, std::chrono::milliseconds limit);

  /// No more to send; what the peer sends may still be read.
  void end_sending() noexcept;
  /// As if the peer had left: every wait on the socket ends, and closing it resets the connection.
  void abandon() noexcept;
  /// Closing resets the connection, so that the peer cannot take what it has for whole.
  void reset_on_close() noexcept;

 private:
  task<> wait_writable();
  task<> copy_from(int source, std::size_t size, bool more);

  asio::ip::tcp::socket socket_;
  steady_time read_deadline_ = steady_time::max();
  std::size_t without_pause_ = 0; ///< bytes moved since the loop had a turn
  bool reading_ = false;
  bool expired_ = false;
  bool woken_ = false;
  steady_time last_answer_{};
  std::uint32_t repeats_then_ = 0; ///< segments that had been sent again when the last answer was seen
  bool was_silent_ = false;
};

} // namespace clawdspace::http
