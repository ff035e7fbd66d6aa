#include "sha1.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace clawdspace;

namespace {

std::string hex(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const auto byte : http::sha1(text)) (out += digits[byte >> 4]) += digits[byte & 15];
  return out;
}

std::string repeated(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

} // namespace

TEST_CASE("SHA-1 gives what RFC 3174 and FIPS 180 say") {
  CHECK(hex("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  CHECK(hex("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  CHECK(hex(repeated("a", 1'000'000)) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  CHECK(hex(repeated("0123456701234567012345670123456701234567012345670123456701234567", 10)) ==
        "dea356a2cddd90c7a7ecedc5ebb563934f460452");
}

TEST_CASE("SHA-1 pads every length around a block's end") {
  // The digests of 55, 56, 63, 64 and 65 letters, by coreutils' sha1sum.
  CHECK(hex(repeated("a", 55)) == "c1c8bbdc22796e28c0e15163d20899b65621d65a");
  CHECK(hex(repeated("a", 56)) == "c2db330f6083854c99d4b5bfb6e8f29f201be699");
  CHECK(hex(repeated("a", 63)) == "03f09f5b158a7a8cdad920bddc29b81c18a551f5");
  CHECK(hex(repeated("a", 64)) == "0098ba824b5c16427bd7a1122a5a442a25ec644d");
  CHECK(hex(repeated("a", 65)) == "11655326c708d70319be2610e8a57d9a5b959d3b");
}
