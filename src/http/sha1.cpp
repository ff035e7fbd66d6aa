#include "sha1.hpp"

#include <bit>
#include <cstddef>
#include <string>

namespace clawdspace::http {

namespace {

constexpr std::size_t block_size = 64;

/// RFC 3174 section 6.1.
void mix(std::array<std::uint32_t, 5>& state, std::string_view block) {
  std::array<std::uint32_t, 80> w{};
  for (std::size_t i = 0; i < block_size; ++i)
    w[i / 4] = (w[i / 4] << 8) | static_cast<unsigned char>(block[i]);
  for (std::size_t i = 16; i < w.size(); ++i)
    w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);

  auto [a, b, c, d, e] = state;
  for (std::size_t i = 0; i < w.size(); ++i) {
    std::uint32_t f = 0;
    if (i < 20)
      f = ((b & c) | (~b & d)) + 0x5a827999;
    else if (i < 40)
      f = (b ^ c ^ d) + 0x6ed9eba1;
    else if (i < 60)
      f = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    else
      f = (b ^ c ^ d) + 0xca62c1d6;
    const auto next = std::rotl(a, 5) + f + e + w[i];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
}

} // namespace

std::array<std::uint8_t, 20> sha1(std::string_view text) {
  std::array<std::uint32_t, 5> state{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  const auto length = static_cast<std::uint64_t>(text.size()) * 8;
  for (; text.size() >= block_size; text.remove_prefix(block_size)) mix(state, text.substr(0, block_size));

  std::string rest(text);
  rest += '\x80';
  while (rest.size() % block_size != block_size - 8) rest += '\0';
  for (int shift = 56; shift >= 0; shift -= 8) rest += static_cast<char>(length >> shift);
  for (std::string_view left = rest; !left.empty(); left.remove_prefix(block_size))
    mix(state, left.substr(0, block_size));

  std::array<std::uint8_t, 20> digest{};
  for (std::size_t i = 0; i < digest.size(); ++i)
    digest[i] = static_cast<std::uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
  return digest;
}

} // namespace clawdspace::http
