#include "history_shape.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <system_error>

// A history that comes back from a space: everything in it may be a lie.

namespace clawdspace::spaces {

using namespace history_shape;

namespace {

// More bytes than anything could have written: sums of it stay far from overflow.
constexpr std::uint64_t most_bytes = std::uint64_t{1} << 60;

tl::unexpected<error> broken(const std::string& what) {
  return failure(errc::conflict, "a history that was found is broken: " + what);
}

std::string words_of(int number) { return std::system_category().message(number); }

} // namespace

result<history> history::open(unique_fd memory, std::size_t most) {
  struct stat about{};
  struct statfs home{};
  if (::fstat(memory.value(), &about) != 0 || ::fstatfs(memory.value(), &home) != 0)
    return broken(words_of(errno));
  // Not a file that could be cut under the mapping, nor huge pages, which may not be there when touched.
  if (!S_ISREG(about.st_mode) || home.f_type != TMPFS_MAGIC) return broken("it is no memfd");
  const int sealed = ::fcntl(memory.value(), F_GET_SEALS);
  if (sealed < 0 || (sealed & seals) != seals) return broken("its size is not sealed");
  shape said;
  const auto n = ::pread(memory.value(), &said, sizeof said, 0);
  if (n != static_cast<ssize_t>(sizeof said)) return broken("it has no head");
  if (said.magic != magic) return broken("its magic number is another");
  if (said.version != version) return broken(fmt::format("its version is {}, not {}", said.version, version));
  if (said.which > 1) return broken(fmt::format("its state is number {}", said.which));
  if (said.capacity < least_capacity || said.capacity % page != 0 || said.capacity > most)
    return broken(fmt::format("its capacity is {} bytes", said.capacity));
  if (static_cast<std::uint64_t>(about.st_size) != layout(said.capacity).size)
    return broken(fmt::format("it is {} bytes long, not {}", about.st_size, layout(said.capacity).size));
  try {
    history found(std::move(memory), said.capacity);
    found.active_ = said.which;
    if (auto wrong = found.take_over()) return broken(*wrong);
    return found;
  } catch (const std::system_error& e) {
    return broken(e.what());
  }
}

// Each part is copied out before it is looked at: whoever holds the memfd could change it in between.
std::optional<std::string> history::take_over() {
  std::memcpy(&now_, base() + state_place(active_), sizeof now_);
  if (auto wrong = check_state(now_)) return wrong;
  const auto most = mark_count(capacity_);
  for (auto at = now_.first_mark; at != now_.next_mark; ++at) {
    mark one;
    std::memcpy(&one, base() + layout(capacity_).marks + at % most * sizeof one, sizeof one);
    marks_.push_back(one);
  }
  if (auto wrong = check_marks()) return wrong;
  note_.resize(now_.note_size);
  std::memcpy(note_.data(), base() + note_at(now_.note_place), note_.size());

  if (now_.end > capacity_) drop_old(now_.end - capacity_);
  if (now_.intent != 0) {
    // What was about to be read may have been; if so it is lost, or half there.
    const auto lost = std::exchange(now_.intent, 0);
    advance(now_.intent_from == 0 ? channel::out : channel::err, lost, true);
    store();
  }
  return std::nullopt;
}

std::optional<std::string> history::check_state(const state& s) const {
  if (s.end > most_bytes) return fmt::format("it has {} bytes behind it", s.end);
  if (s.out_end > s.end) return fmt::format("{} bytes of stdout are more than all {}", s.out_end, s.end);
  if (s.next_mark > most_bytes || s.first_mark > s.next_mark ||
      s.next_mark - s.first_mark >= mark_count(capacity_))
    return fmt::format("its marks are {} to {}", s.first_mark, s.next_mark);
  if (s.intent > capacity_) return fmt::format("{} bytes were to be read", s.intent);
  if (s.intent_from > 1) return fmt::format("it was read from output {}", s.intent_from);
  if (s.note_place > 1) return fmt::format("its note is number {}", s.note_place);
  if (s.note_size > note_limit) return fmt::format("its note has {} bytes", s.note_size);
  return std::nullopt;
}

std::optional<std::string> history::check_marks() const {
  for (std::size_t i = 0; i < marks_.size(); ++i) {
    const auto& one = marks_[i];
    const bool last = i + 1 == marks_.size();
    const auto until = last ? now_.end : marks_[i + 1].offset;
    const auto out_until = last ? now_.out_end : marks_[i + 1].out_before;
    if (one.from > 1 || one.gap > 1) return fmt::format("mark {} is of no kind", i);
    // Each stretch has bytes, and they are all of its own output.
    if (one.offset >= until || until > most_bytes) return fmt::format("mark {} begins at {}", i, one.offset);
    const auto size = until - one.offset;
    if (one.out_before > one.offset || out_until != one.out_before + (one.from == 0 ? size : 0))
      return fmt::format("mark {} counts {} bytes of stdout", i, one.out_before);
  }
  return std::nullopt;
}

} // namespace clawdspace::spaces
