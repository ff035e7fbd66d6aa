#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace clawdspace::test {

/// A frame as a client sends it, or as none should: `head` is its first byte (FIN and opcode: 0x81 is a whole
/// text message), `size` what it claims to carry.
inline std::string client_frame(unsigned head, std::string_view payload, bool masked = true) {
  std::string frame;
  const unsigned mask_bit = masked ? 0x80 : 0;
  frame += static_cast<char>(head);
  const auto size = payload.size();
  if (size < 126) {
    frame += static_cast<char>(mask_bit | size);
  } else if (size < 65536) {
    frame += static_cast<char>(mask_bit | 126);
    frame += static_cast<char>(size >> 8);
    frame += static_cast<char>(size);
  } else {
    frame += static_cast<char>(mask_bit | 127);
    for (int shift = 56; shift >= 0; shift -= 8)
      frame += static_cast<char>(static_cast<std::uint64_t>(size) >> shift);
  }
  if (!masked) return frame.append(payload);
  constexpr std::string_view mask = "\x12\x34\xab\xcd";
  frame += mask;
  for (std::size_t i = 0; i < size; ++i) frame += static_cast<char>(payload[i] ^ mask[i % 4]);
  return frame;
}

/// A close frame's payload.
inline std::string closing(unsigned code, std::string_view reason = {}) {
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code)}.append(reason);
}

} // namespace clawdspace::test
