#pragma once

#include <cstddef>
#include <span>

namespace clawdspace::http {

/// Checks UTF-8 (RFC 3629) that comes in pieces.
class utf8_check {
 public:
  /// False from the first byte on that cannot be.
  bool feed(std::span<const std::byte> piece) noexcept;
  /// Whether no character is cut at the end of what came so far.
  [[nodiscard]] bool complete() const noexcept { return missing_ == 0; }

 private:
  bool feed(unsigned char byte) noexcept;

  unsigned missing_ = 0;     ///< continuation bytes that the present character still needs
  unsigned char low_ = 0x80; ///< what the next of them may be
  unsigned char high_ = 0xbf;
};

} // namespace clawdspace::http
