#pragma once

#include "frames.hpp"
#include "inlet.hpp"
#include "upgraded.hpp"
#include <clawdspace/http/websocket.hpp>

#include <optional>

namespace clawdspace::http {

/// A WebSocket on a connection of the server. Answers to pings, and pings, are kept one each until they fit
/// between two frames, so that reading never waits for writing and nothing piles up.
class served_websocket final : public websocket, public upgraded {
 public:
  served_websocket(wire& to, inlet& from, const server_limits& limits, bytes text_limit,
                   std::string protocol);

  task<websocket_message> read() override;
  task<> write_text(std::string_view text) override;
  task<> write_binary(std::span<const std::byte> data) override;
  void close(close_code code, std::string_view reason) override;
  [[nodiscard]] std::string_view protocol() const override { return protocol_; }

  void look(steady_time now) override;
  void go_away() override;

  /// After the handler: the closing handshake, within its bound.
  task<> finish();
  /// Whether the peer may still be sending what nobody will read: closing at once could cost it our last
  /// word.
  [[nodiscard]] bool unread() const noexcept { return failed_ && !cut_; }
  /// Payload bytes that have been sent.
  [[nodiscard]] std::uint64_t bytes_sent() const noexcept { return bytes_sent_; }

 private:
  class reading;
  task<websocket_message> next_message();
  /// The next step that is no ping, pong or lack of bytes.
  std::optional<websocket_message> step();
  /// Waits for bytes, or for `close`.
  task<> receive();
  task<> write(frame_kind kind, std::span<const std::byte> data);
  task<> send_frame(frame_kind kind, std::span<const std::byte> data, bool last);
  void end(close_code code, std::string_view reason);
  /// The connection is gone, or as good as gone.
  void lose() noexcept;
  [[nodiscard]] websocket_message farewell() const;
  [[nodiscard]] std::string take_control();
  void send_control_now();

  wire& wire_;
  inlet& inlet_;
  const server_limits& limits_;
  std::string protocol_;
  frame_codec frames_;

  std::string unsent_; ///< control frames, or the rest of one, that the socket has not taken
  std::optional<std::string>
      pong_; ///< payload of one that is due; a later ping's takes the place of an earlier
  std::optional<std::string> goodbye_; ///< payload of a close frame that is due
  bool ping_due_ = false;

  bool reading_ = false;
  bool writing_ = false;
  bool cut_ = false; ///< a frame has been sent in part, or the connection is gone: nothing can follow
  bool said_goodbye_ = false; ///< a close frame has been sent, or is due
  bool peer_closed_ = false;
  bool failed_ = false; ///< what comes in cannot be told apart any more
  struct ending {
    close_code code;
    std::string reason;
  };
  std::optional<ending> ending_; ///< what reads return

  std::uint64_t bytes_sent_ = 0;
  steady_time heard_; ///< when bytes came last, later by the time that nobody was reading
  steady_time not_reading_since_;
  steady_time next_ping_;
  steady_time close_by_ = steady_time::max();
};

} // namespace clawdspace::http
