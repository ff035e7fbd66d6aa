#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace clawdspace {

using siphash_key = std::array<std::byte, 16>;

/// SipHash-2-4: 64 bits that only a holder of the key can foretell.
std::uint64_t siphash(const siphash_key& key, std::span<const std::byte> data) noexcept;

} // namespace clawdspace
