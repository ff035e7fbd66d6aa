#include <clawdspace/core/siphash.hpp>

#include <bit>

namespace clawdspace {

namespace {

std::uint64_t little_endian(std::span<const std::byte> bytes) noexcept {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) word |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
  return word;
}

struct sip_state {
  std::uint64_t v0, v1, v2, v3;

  void round() noexcept {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void take(std::uint64_t word) noexcept {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

} // namespace

std::uint64_t siphash(const siphash_key& key, std::span<const std::byte> data) noexcept {
  const auto k0 = little_endian(std::span(key).first<8>());
  const auto k1 = little_endian(std::span(key).last<8>());
  sip_state s{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
              k1 ^ 0x7465646279746573};
  const auto size = data.size();
  for (; data.size() >= 8; data = data.subspan(8)) s.take(little_endian(data.first<8>()));
  s.take(static_cast<std::uint64_t>(size & 0xff) << 56 | little_endian(data));
  s.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) s.round();
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

} // namespace clawdspace
