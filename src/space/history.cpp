#include "history_shape.hpp"
#include <clawdspace/core/error.hpp>
#include <clawdspace/space/history.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <system_error>
#include <utility>

namespace clawdspace::spaces {

using namespace history_shape;

namespace {

[[noreturn]] void throw_errno(const char* what) {
  throw std::system_error(errno, std::system_category(), what);
}

// What a killed daemon leaves is what it had stored, in the order of its program: only the compiler could
// change that.
void in_order() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }

std::uint64_t place_in(std::uint64_t count, selection of, std::uint64_t out) noexcept {
  switch (of) {
  case selection::out:
    return out;
  case selection::err:
    return count - out;
  case selection::both:
    break;
  }
  return count;
}

bool counts(channel from, selection of) noexcept {
  return of == selection::both || (of == selection::out) == (from == channel::out);
}

} // namespace

std::size_t footprint(std::size_t capacity) noexcept { return layout(capacity).size; }

std::uint64_t history::mark::at(selection of) const noexcept { return place_in(offset, of, out_before); }

void history::unmap::operator()(std::byte* at) const noexcept { ::munmap(at, size); }

history::history(unique_fd memory, std::size_t capacity) : memory_(std::move(memory)), capacity_(capacity) {
  const auto size = layout(capacity).size;
  void* const at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory_.value(), 0);
  if (at == MAP_FAILED) throw_errno("mmap of a history");
  memory_at_ = {static_cast<std::byte*>(at), unmap{size}};
}

history history::make(std::size_t capacity) {
  capacity = whole_pages(std::max(capacity, least_capacity));
  unique_fd memory(::memfd_create("clawdspace-history", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory) throw_errno("memfd_create");
  if (::ftruncate(memory.value(), static_cast<off_t>(layout(capacity).size)) != 0)
    throw_errno("ftruncate of a history");
  if (::fcntl(memory.value(), F_ADD_SEALS, seals) != 0) throw_errno("sealing a history");
  history made(std::move(memory), capacity);
  const shape said{.magic = magic, .version = version, .which = 0, .capacity = capacity};
  std::memcpy(made.base(), &said, sizeof said);
  made.store();
  return made;
}

// --- writing ---

void history::store() {
  auto* const which = reinterpret_cast<std::uint32_t*>(base() + offsetof(shape, which));
  active_ ^= 1U;
  std::memcpy(base() + state_place(active_), &now_, sizeof now_);
  in_order();
  *which = active_;
  in_order();
}

void history::set_note(std::string_view note) {
  if (note.size() > note_limit)
    throw error(errc::invalid_field,
                fmt::format("a history's note of {} bytes is more than {}", note.size(), note_limit));
  const auto place = now_.note_place ^ 1U;
  std::memcpy(base() + note_at(place), note.data(), note.size());
  in_order();
  now_.note_place = place;
  now_.note_size = note.size();
  note_ = note;
  store();
}

std::uint64_t history::oldest() const noexcept {
  return marks_.empty() ? now_.end : std::max(marks_.front().offset, limit_);
}

// Bytes before `oldest` are about to be written over.
void history::drop_old(std::uint64_t oldest) {
  limit_ = std::max(limit_, oldest);
  while (!marks_.empty() && (marks_.size() > 1 ? marks_[1].offset : now_.end) <= limit_) {
    marks_.pop_front();
    ++now_.first_mark;
  }
}

void history::advance(channel from, std::size_t size, bool gap) {
  if (size == 0) return;
  const std::uint32_t channel_number = from == channel::out ? 0 : 1;
  const std::uint32_t gap_number = gap ? 1 : 0;
  if (marks_.empty() || marks_.back().from != channel_number || marks_.back().gap != gap_number) {
    const auto most = mark_count(capacity_);
    if (marks_.size() + 1 >= most)
      drop_old(marks_[1].offset); // the place that is written is none that counts
    const mark next{
        .offset = now_.end, .out_before = now_.out_end, .from = channel_number, .gap = gap_number};
    std::memcpy(base() + layout(capacity_).marks + now_.next_mark % most * sizeof(mark), &next, sizeof next);
    marks_.push_back(next);
    ++now_.next_mark;
  }
  now_.end += size;
  if (from == channel::out) now_.out_end += size;
  if (now_.end > capacity_) drop_old(now_.end - capacity_);
}

std::span<std::byte> history::begin(channel from, std::size_t most) {
  const auto place = now_.end % capacity_;
  const auto room = std::min({std::max<std::size_t>(most, 1), capacity_ - place, capacity_ / 2});
  now_.intent = room;
  now_.intent_from = from == channel::out ? 0 : 1;
  if (now_.end + room > capacity_) drop_old(now_.end + room - capacity_);
  store();
  return {base() + layout(capacity_).bytes + place, room};
}

void history::commit(std::size_t size) {
  const auto taken = std::min<std::uint64_t>(size, std::exchange(now_.intent, 0));
  advance(now_.intent_from == 0 ? channel::out : channel::err, taken, false);
  store();
}

void history::append(channel from, std::span<const std::byte> data) {
  while (!data.empty()) {
    const auto room = begin(from, data.size());
    std::memcpy(room.data(), data.data(), room.size());
    in_order();
    commit(room.size());
    data = data.subspan(room.size());
  }
}

void history::drop_output() {
  drop_old(now_.end);
  now_.intent = 0;
  store();
  const auto from = layout(capacity_).bytes;
  if (::fallocate(memory_.value(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(from),
                  static_cast<off_t>(layout(capacity_).size - from)) != 0)
    throw_errno("giving back a history's memory");
}

// --- reading ---

history::range history::kept(selection of) const noexcept {
  const auto last = place_in(now_.end, of, now_.out_end);
  if (marks_.empty()) return {last, last};
  const auto& front = marks_.front();
  const auto within = oldest() - front.offset;
  const auto from = front.from == 0 ? channel::out : channel::err;
  return {front.at(of) + (counts(from, of) ? within : 0), last};
}

std::uint64_t history::before_end(std::size_t size, selection of) const noexcept {
  const auto [first, last] = kept(of);
  return std::max(first, last - std::min<std::uint64_t>(last, size));
}

history::item history::read(std::uint64_t offset, selection of, std::size_t most) const {
  const auto [first, last] = kept(of);
  if (offset > last)
    throw error(
        errc::offset_out_of_range,
        fmt::format("offset {} is past the end: there are the bytes from {} to {}", offset, first, last));
  if (offset < first) return {.what = item::kind::gap, .to = first, .data = {}};
  if (offset == last) return {.what = item::kind::end, .to = last, .data = {}};
  // The last that begins at or before it, in the selection's own count, is the one that has it.
  auto after = std::ranges::upper_bound(marks_, offset, {}, [&](const mark& m) { return m.at(of); });
  const auto& here = *std::prev(after);
  const auto until = after == marks_.end() ? last : after->at(of);
  const auto from = here.from == 0 ? channel::out : channel::err;
  if (here.gap != 0) return {.what = item::kind::gap, .from = from, .to = until, .data = {}};
  const auto place = (here.offset + (offset - here.at(of))) % capacity_;
  const auto size = std::min<std::uint64_t>({until - offset, capacity_ - place, most});
  return {.what = item::kind::bytes,
          .from = from,
          .to = offset + size,
          .data = {base() + layout(capacity_).bytes + place, static_cast<std::size_t>(size)}};
}

} // namespace clawdspace::spaces
