#include "served_websocket.hpp"

#include <clawdspace/core/error.hpp>

#include <asio/post.hpp>

#include <algorithm>

namespace clawdspace::http {

namespace {

/// Larger messages go out in fragments of this size, so that a pong need not wait for all of one.
constexpr std::size_t fragment = std::size_t{64} << 10;

steady_time now() { return std::chrono::steady_clock::now(); }

[[noreturn]] void fail_closed() { throw error(errc::client_left, "the WebSocket is closed"); }

} // namespace

/// While someone waits for the peer, its silence counts.
class served_websocket::reading {
 public:
  explicit reading(served_websocket& of) : of_(of) {
    if (of.reading_) throw error(errc::internal, "two reads of one WebSocket at once");
    of.reading_ = true;
    of.heard_ += now() - of.not_reading_since_;
  }
  reading(const reading&) = delete;
  reading& operator=(const reading&) = delete;
  ~reading() {
    of_.reading_ = false;
    of_.not_reading_since_ = now();
  }

 private:
  served_websocket& of_;
};

served_websocket::served_websocket(wire& to, inlet& from, const server_limits& limits, bytes text_limit,
                                   std::string protocol)
    : wire_(to), inlet_(from), limits_(limits), protocol_(std::move(protocol)), frames_(text_limit),
      heard_(now()), not_reading_since_(heard_), next_ping_(heard_ + limits.websocket_ping) {}

// --- in

task<websocket_message> served_websocket::read() {
  const reading one(*this);
  co_return co_await next_message();
}

task<websocket_message> served_websocket::next_message() {
  for (;;) {
    if (ending_) co_return farewell();
    if (auto message = step()) co_return std::move(*message);
    if (!ending_) co_await receive();
  }
}

std::optional<websocket_message> served_websocket::step() {
  using kind = frame_step::kind;
  for (;;) {
    const auto next = frames_.feed(inlet_.received());
    inlet_.use(next.taken);
    if (next.what != kind::ping) send_control_now(); // of several pings in a row, the last one's pong
    switch (next.what) {
    case kind::need_more:
      return std::nullopt;
    case kind::text:
      return websocket_message{.what = websocket_message::kind::text, .data = next.data};
    case kind::binary:
      return websocket_message{
          .what = websocket_message::kind::binary, .data = next.data, .first = next.first, .last = next.last};
    case kind::ping:
      pong_.emplace(reinterpret_cast<const char*>(next.data.data()), next.data.size());
      break;
    case kind::pong:
      break;
    case kind::close:
      peer_closed_ = true;
      // The same code back (RFC 6455 section 5.5.1).
      if (!said_goodbye_) {
        end(next.code, {});
        ending_->reason = next.reason;
      }
      return std::nullopt;
    case kind::failed:
      failed_ = true;
      if (!said_goodbye_) end(next.code, next.reason);
      return std::nullopt;
    }
  }
}

task<> served_websocket::receive() {
  std::optional<std::size_t> n;
  try {
    n = inlet_.receive_now();
  } catch (const error& e) {
    if (e.code() != errc::client_left) throw;
    n = 0;
  }
  if (n == 0u) {
    lose();
  } else if (n) {
    heard_ = now();
    if (wire_.turn_is_over(*n)) co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  } else {
    inlet_.let_go();
    co_await wire_.wait_readable(); // or till `close` wakes it
  }
}

websocket_message served_websocket::farewell() const {
  return {.what = websocket_message::kind::closed, .code = ending_->code, .reason = ending_->reason};
}

// --- out

std::string served_websocket::take_control() {
  auto frames = std::exchange(unsent_, {});
  const auto add = [&](frame_kind kind, std::string_view payload) {
    frames.append(frames_.head(kind, payload.size())).append(payload);
  };
  if (std::exchange(ping_due_, false) && !said_goodbye_) add(frame_kind::ping, {});
  if (const auto payload = std::exchange(pong_, std::nullopt); payload && !said_goodbye_)
    add(frame_kind::pong, *payload);
  if (const auto payload = std::exchange(goodbye_, std::nullopt)) add(frame_kind::close, *payload);
  return frames;
}

void served_websocket::send_control_now() {
  if (writing_ || cut_) return;
  // What is new waits until the rest is out, so that there is never more than one frame of each kind.
  for (int turn = 0; turn < 2; ++turn) {
    if (unsent_.empty()) unsent_ = take_control();
    if (unsent_.empty()) return;
    unsent_.erase(0, wire_.send_now(unsent_));
    if (!unsent_.empty()) return;
  }
}

task<> served_websocket::write_text(std::string_view text) {
  co_await write(frame_kind::text, std::as_bytes(std::span(text)));
}

task<> served_websocket::write_binary(std::span<const std::byte> data) {
  co_await write(frame_kind::binary, data);
}

task<> served_websocket::write(frame_kind kind, std::span<const std::byte> data) {
  if (writing_) throw error(errc::internal, "two writes on one WebSocket at once");
  for (;;) {
    if (cut_ || said_goodbye_) fail_closed();
    const auto piece = data.first(std::min(data.size(), fragment));
    data = data.subspan(piece.size());
    co_await send_frame(kind, piece, data.empty());
    bytes_sent_ += piece.size();
    send_control_now();
    if (data.empty()) co_return;
    kind = frame_kind::continuation;
  }
}

task<> served_websocket::send_frame(frame_kind kind, std::span<const std::byte> data, bool last) {
  writing_ = true;
  const auto before = take_control();
  const auto head = frames_.head(kind, data.size(), last); // nothing else writes one till this is sent
  try {
    co_await wire_.send(gathered().add(before).add(head).add(data));
  } catch (...) {
    writing_ = false;
    cut_ = true;
    throw;
  }
  writing_ = false;
}

// --- the end

void served_websocket::end(close_code code, std::string_view reason) {
  if (ending_) return;
  ending_ = ending{code, std::string(reason)};
  said_goodbye_ = true;
  goodbye_ = close_payload(code, reason);
  close_by_ = now() + limits_.websocket_close;
  send_control_now();
}

void served_websocket::lose() noexcept {
  if (writing_) wire_.abandon(); // who left takes nothing any more
  cut_ = true;
  if (!ending_) ending_ = ending{close_code::abnormal, {}};
}

void served_websocket::close(close_code code, std::string_view reason) {
  if (ending_) return;
  end(code, reason);
  wire_.wake();
}

void served_websocket::go_away() { close(close_code::going_away, "the server is stopping"); }

void served_websocket::look(steady_time when) {
  if (when >= close_by_) {
    close_by_ = steady_time::max();
    lose();
    wire_.abandon();
    return;
  }
  if (!ending_ && when >= next_ping_) {
    ping_due_ = true;
    next_ping_ = when + limits_.websocket_ping;
  }
  send_control_now();
  if (!ending_ && reading_ && when - heard_ >= limits_.websocket_silence) {
    lose();
    wire_.abandon();
  }
}

task<> served_websocket::finish() {
  if (!ending_) end(close_code::normal, {});
  if (!cut_) {
    writing_ = true;
    try {
      while (!unsent_.empty() || goodbye_) {
        const auto rest = take_control();
        co_await wire_.send(gathered().add(rest));
      }
    } catch (const error& e) {
      if (e.code() != errc::client_left) throw;
      cut_ = true;
    }
  }
  // What the peer still sends is read, so that closing does not reset the connection over our last word.
  while (!cut_ && !peer_closed_ && !failed_)
    if (!step() && !peer_closed_ && !failed_) co_await receive();
}

} // namespace clawdspace::http
