#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace clawdspace::http {

/// SHA-1 (RFC 3174), which a WebSocket's handshake is made of. It protects nothing there, and must not be
/// used where something needs protection.
std::array<std::uint8_t, 20> sha1(std::string_view text);

} // namespace clawdspace::http
