#include "frames.hpp"

#include <clawdspace/core/error.hpp>

#include <algorithm>
#include <cstring>
#include <new>
#include <wslay/wslay.h>

namespace clawdspace::http {

namespace {

constexpr std::size_t longest_reason = 123;

bool is_control(frame_kind kind) { return kind >= frame_kind::close; }

/// Whether a peer may give it as its reason (RFC 6455 section 7.4, and the IANA registry).
bool may_be_received(unsigned code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

} // namespace

void forget_frames::operator()(wslay_frame_context* context) const noexcept {
  ::wslay_frame_context_free(context);
}

/// A piece of one frame.
struct frame_codec::piece {
  bool broken = false; ///< no legal frame at all
  bool fin = false;
  bool reserved_bits = false;
  bool masked = false;
  std::uint8_t opcode = 0;
  std::uint64_t frame_size = 0;
  std::span<const std::byte> data;
};

frame_codec::frame_codec(bytes text_limit) : text_limit_(static_cast<std::size_t>(count(text_limit))) {
  wslay_frame_callbacks callbacks{};
  callbacks.recv_callback = [](std::uint8_t* into, std::size_t size, int, void* self) {
    return static_cast<frame_codec*>(self)->receive(into, size);
  };
  callbacks.send_callback = [](const std::uint8_t* data, std::size_t size, int, void* self) {
    return static_cast<frame_codec*>(self)->send(data, size);
  };
  wslay_frame_context* context = nullptr;
  if (::wslay_frame_context_init(&context, &callbacks, this) != 0) throw std::bad_alloc();
  context_.reset(context);
}

std::ptrdiff_t frame_codec::receive(std::uint8_t* into, std::size_t size) {
  const auto n = std::min(size, input_.size());
  if (n == 0) return -1;
  std::memcpy(into, input_.data(), n);
  input_ = input_.subspan(n);
  return static_cast<std::ptrdiff_t>(n);
}

std::ptrdiff_t frame_codec::send(const std::uint8_t* data, std::size_t size) {
  // First comes the head; then the payload, which goes out by other ways.
  if (head_size_ == 0) {
    std::memcpy(head_.data(), data, size);
    head_size_ = size;
  }
  return static_cast<std::ptrdiff_t>(size);
}

std::optional<frame_codec::piece> frame_codec::next_piece() {
  for (;;) {
    wslay_frame_iocb frame{};
    const auto n = ::wslay_frame_recv(context_.get(), &frame);
    if (n >= 0)
      return piece{.fin = frame.fin != 0,
                   .reserved_bits = frame.rsv != 0,
                   .masked = frame.mask != 0,
                   .opcode = frame.opcode,
                   .frame_size = frame.payload_length,
                   .data = std::as_bytes(std::span(frame.data, frame.data_length))};
    if (n != WSLAY_ERR_WANT_READ) return piece{.broken = true};
    if (input_.empty()) return std::nullopt;
  }
}

frame_step frame_codec::fail(close_code code, std::string_view why) {
  failure_ = frame_step{.what = frame_step::kind::failed, .code = code, .reason = why};
  return *failure_;
}

frame_step frame_codec::feed(std::span<const std::byte> input) {
  input_ = input;
  auto step = failure_ ? *failure_ : next();
  step.taken = input.size() - input_.size();
  return step;
}

frame_step frame_codec::next() {
  if (std::exchange(text_told_, false)) text_ = {}; // an idle connection holds no memory for it
  while (const auto p = next_piece()) {
    if (p->broken) return fail(close_code::protocol_error, "a malformed frame");
    if (!in_frame_) {
      if (auto refused = begin_frame(*p)) return *refused;
      in_frame_ = true;
      frame_left_ = p->frame_size;
    }
    frame_left_ -= p->data.size();
    if (frame_left_ == 0) in_frame_ = false;
    auto step = is_control(static_cast<frame_kind>(p->opcode)) ? take_control(*p) : take_data(*p);
    if (step) return *step;
  }
  return {};
}

std::optional<frame_step> frame_codec::begin_frame(const piece& p) {
  if (p.reserved_bits) return fail(close_code::protocol_error, "a reserved bit is set");
  if (!p.masked) return fail(close_code::protocol_error, "a client's frame must be masked");
  switch (const auto kind = static_cast<frame_kind>(p.opcode)) {
  case frame_kind::continuation:
    if (!message_) return fail(close_code::protocol_error, "a continuation of nothing");
    break;
  case frame_kind::text:
  case frame_kind::binary:
    if (message_) return fail(close_code::protocol_error, "a message inside a message");
    message_ = kind;
    message_begins_ = true;
    utf8_ = {};
    break;
  case frame_kind::close:
  case frame_kind::ping:
  case frame_kind::pong:
    control_size_ = 0;
    return std::nullopt;
  default:
    return fail(close_code::protocol_error, "a frame of no known kind");
  }
  if (message_ == frame_kind::text && p.frame_size > text_limit_ - text_.size())
    return fail(close_code::too_big, "a text message is too long");
  return std::nullopt;
}

std::optional<frame_step> frame_codec::take_control(const piece& p) {
  // wslay has refused one that is longer than 125 bytes, or in fragments.
  std::copy(p.data.begin(), p.data.end(), control_.begin() + static_cast<std::ptrdiff_t>(control_size_));
  control_size_ += p.data.size();
  if (in_frame_) return std::nullopt;
  const auto kind = static_cast<frame_kind>(p.opcode);
  if (kind == frame_kind::close) return read_close();
  return frame_step{.what = kind == frame_kind::ping ? frame_step::kind::ping : frame_step::kind::pong,
                    .data = std::span(control_).first(control_size_)};
}

frame_step frame_codec::read_close() {
  const auto payload = std::span(control_).first(control_size_);
  frame_step step{.what = frame_step::kind::close};
  if (payload.empty()) return step;
  if (payload.size() == 1) return fail(close_code::protocol_error, "half a close code");
  const auto code = static_cast<unsigned>(payload[0]) << 8 | static_cast<unsigned>(payload[1]);
  if (!may_be_received(code)) return fail(close_code::protocol_error, "a close code that is none");
  const auto reason = payload.subspan(2);
  utf8_check check;
  if (!check.feed(reason) || !check.complete())
    return fail(close_code::invalid_data, "a reason that is not UTF-8");
  step.code = static_cast<close_code>(code);
  step.reason = {reinterpret_cast<const char*>(reason.data()), reason.size()};
  return step;
}

std::optional<frame_step> frame_codec::take_data(const piece& p) {
  const bool last = p.fin && !in_frame_;
  const bool is_text = message_ == frame_kind::text;
  if (last) message_.reset();
  if (!is_text) {
    if (p.data.empty() && !last) return std::nullopt;
    return frame_step{.what = frame_step::kind::binary,
                      .data = p.data,
                      .first = std::exchange(message_begins_, false),
                      .last = last};
  }
  if (!utf8_.feed(p.data) || (last && !utf8_.complete()))
    return fail(close_code::invalid_data, "a text message that is not UTF-8");
  text_.append(reinterpret_cast<const char*>(p.data.data()), p.data.size());
  if (!last) return std::nullopt;
  text_told_ = true;
  return frame_step{.what = frame_step::kind::text, .data = std::as_bytes(std::span(text_))};
}

std::string_view frame_codec::head(frame_kind kind, std::size_t size, bool last) {
  static constexpr std::uint8_t untouched = 0;
  wslay_frame_iocb frame{};
  frame.fin = last ? 1 : 0;
  frame.opcode = static_cast<std::uint8_t>(kind);
  frame.payload_length = size;
  frame.data = &untouched; // handed to `send` as it is
  frame.data_length = size;
  head_size_ = 0;
  if (::wslay_frame_send(context_.get(), &frame) < 0) throw error(errc::internal, "no frame could be made");
  return {head_.data(), head_size_};
}

std::string close_payload(close_code code, std::string_view reason) {
  if (code == close_code::no_status || code == close_code::abnormal) return {};
  std::string payload;
  payload += static_cast<char>(static_cast<unsigned>(code) >> 8);
  payload += static_cast<char>(static_cast<unsigned>(code) & 0xff);
  auto size = std::min(reason.size(), longest_reason);
  while (size < reason.size() && size > 0 && (static_cast<unsigned char>(reason[size]) & 0xc0) == 0x80)
    --size;
  return payload.append(reason.substr(0, size));
}

} // namespace clawdspace::http
