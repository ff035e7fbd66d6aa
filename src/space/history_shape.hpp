#pragma once

#include <clawdspace/space/history.hpp>

#include <cstddef>
#include <cstdint>
#include <fcntl.h>

/// Where things stand in a history's memory.
namespace clawdspace::spaces::history_shape {

inline constexpr std::uint64_t magic = 0x79726f7473694843; // "CHistory"
inline constexpr std::uint32_t version = 1;
inline constexpr std::size_t page = 4096;
inline constexpr std::size_t mark_size = 24;
inline constexpr int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

/// At the very beginning. `which` is the only part that ever changes.
struct shape {
  std::uint64_t magic = 0;
  std::uint32_t version = 0;
  std::uint32_t which = 0; ///< 0 or 1: the state that counts
  std::uint64_t capacity = 0;
};

constexpr std::size_t whole_pages(std::size_t size) { return (size + page - 1) / page * page; }
constexpr std::size_t mark_count(std::size_t capacity) { return capacity / 256; }
constexpr std::size_t state_place(std::uint32_t which) { return which == 0 ? 256 : 512; }
constexpr std::size_t note_at(std::uint32_t place) { return page + place * history::note_limit; }

struct places {
  std::size_t marks;
  std::size_t bytes;
  std::size_t size; ///< of all
};
constexpr places layout(std::size_t capacity) {
  const auto marks = page + 2 * history::note_limit;
  const auto bytes = marks + whole_pages(mark_count(capacity) * mark_size);
  return {marks, bytes, bytes + capacity};
}

} // namespace clawdspace::spaces::history_shape
