#include <clawdspace/core/siphash.hpp>

#include <doctest/doctest.h>

#include <vector>

using namespace clawdspace;

TEST_CASE("siphash gives what its authors' vectors say, for each length of input") {
  // From the reference implementation: key 00…0f, input 00, 00 01, … as little-endian words.
  struct row {
    std::size_t length;
    std::uint64_t hash;
  };
  constexpr row rows[] = {
      {0, 0x726fdb47dd0e0e31},  {1, 0x74f839c593dc67fd},  {2, 0x0d6c8009d9a94f5a},  {3, 0x85676696d7fb7e2d},
      {4, 0xcf2794e0277187b7},  {5, 0x18765564cd99a68d},  {6, 0xcbc9466e58fee3ce},  {7, 0xab0200f58b01d137},
      {8, 0x93f5f5799a932462},  {9, 0x9e0082df0ba9e4b0},  {10, 0x7a5dbbc594ddb9f3}, {11, 0xf4b32f46226bada7},
      {12, 0x751e8fbc860ee5fb}, {13, 0x14ea5627c0843d90}, {14, 0xf723ca908e7af2ee}, {15, 0xa129ca6149be45e5},
      {16, 0x3f2acc7f57c29bdb}, {63, 0x958a324ceb064572},
  };
  siphash_key key;
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::byte>(i);
  std::vector<std::byte> input(64);
  for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<std::byte>(i);
  for (const auto& [length, hash] : rows) {
    CAPTURE(length);
    CHECK(siphash(key, std::span(input).first(length)) == hash);
  }
}

TEST_CASE("siphash of another key is another hash") {
  siphash_key key{};
  const auto before = siphash(key, {});
  key[15] = std::byte{1};
  CHECK(siphash(key, {}) != before);
}
