#pragma once

#include "utf8.hpp"
#include <clawdspace/http/websocket.hpp>

#include <array>
#include <memory>
#include <optional>

struct wslay_frame_context;

namespace clawdspace::http {

struct forget_frames {
  void operator()(wslay_frame_context* context) const noexcept;
};

enum class frame_kind : std::uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10
};

/// What `frame_codec::feed` made of the bytes.
struct frame_step {
  enum class kind {
    need_more, ///< everything was taken, nothing is ready
    text,      ///< `data` is a whole text message
    binary,    ///< `data` is a piece of a binary message
    ping,      ///< `data` is what the pong has to repeat
    pong,
    close,  ///< with `code` and `reason`; nothing may follow
    failed, ///< the connection is to be closed with `code`, for `reason`; so is it told for ever after
  };
  kind what = kind::need_more;
  std::size_t taken = 0;
  std::span<const std::byte> data; ///< valid until the next feed
  bool first = true;
  bool last = true;
  close_code code = close_code::no_status;
  std::string_view reason;
};

/// The frames of a WebSocket's server without I/O (RFC 6455 sections 5 and 7). wslay reads and writes frames;
/// what may follow what, and the bounds, are here.
class frame_codec {
 public:
  explicit frame_codec(bytes text_limit);
  frame_codec(const frame_codec&) = delete;
  frame_codec& operator=(const frame_codec&) = delete;

  /// Takes some of `input`.
  frame_step feed(std::span<const std::byte> input);
  /// The head of a frame that goes out, before its payload; valid until the next one. `last`: of its message.
  std::string_view head(frame_kind kind, std::size_t size, bool last = true);

 private:
  struct piece;
  std::ptrdiff_t receive(std::uint8_t* into, std::size_t size);
  std::ptrdiff_t send(const std::uint8_t* data, std::size_t size);
  std::optional<piece> next_piece();
  frame_step next();
  std::optional<frame_step> begin_frame(const piece& p);
  std::optional<frame_step> take_control(const piece& p);
  std::optional<frame_step> take_data(const piece& p);
  frame_step read_close();
  frame_step fail(close_code code, std::string_view why);

  std::unique_ptr<wslay_frame_context, forget_frames> context_;
  std::span<const std::byte> input_; ///< of the feed that runs
  std::size_t text_limit_;

  bool in_frame_ = false;
  std::uint64_t frame_left_ = 0;      ///< bytes of its payload that are to come
  std::optional<frame_kind> message_; ///< the kind of the one that has begun and not ended
  bool message_begins_ = false;
  std::string text_;
  bool text_told_ = false;
  utf8_check utf8_;
  std::array<std::byte, 125> control_{};
  std::size_t control_size_ = 0;
  std::optional<frame_step> failure_;

  std::array<char, 16> head_{}; ///< of a frame that goes out
  std::size_t head_size_ = 0;
};

/// The payload of a close frame: at most 125 bytes, the reason cut at a character.
std::string close_payload(close_code code, std::string_view reason);

} // namespace clawdspace::http
