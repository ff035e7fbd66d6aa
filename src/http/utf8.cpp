#include "utf8.hpp"

namespace clawdspace::http {

bool utf8_check::feed(unsigned char byte) noexcept {
  if (missing_ > 0) {
    if (byte < low_ || byte > high_) return false;
    low_ = 0x80;
    high_ = 0xbf;
    --missing_;
    return true;
  }
  if (byte < 0x80) return true;
  if (byte < 0xc2 || byte > 0xf4) return false;
  missing_ = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
  // No longer form than needed, no surrogates, nothing past U+10FFFF.
  if (byte == 0xe0) low_ = 0xa0;
  if (byte == 0xed) high_ = 0x9f;
  if (byte == 0xf0) low_ = 0x90;
  if (byte == 0xf4) high_ = 0x8f;
  return true;
}

bool utf8_check::feed(std::span<const std::byte> piece) noexcept {
  for (const auto each : piece)
    if (!feed(static_cast<unsigned char>(each))) return false;
  return true;
}

} // namespace clawdspace::http
