#pragma once

#include <clawdspace/core/result.hpp>
#include <clawdspace/core/unique_fd.hpp>
#include <clawdspace/space/command.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace clawdspace::spaces {

/// Which of a command's bytes, and so what an offset counts: those of both outputs in the order they were
/// read, or those of one.
enum class selection { both, out, err };

/// The last bytes of a command's output, in a memfd: it outlives the daemon where another process keeps the
/// memfd. Offsets are absolute, count the bytes of a selection from the command's start, and never lie: what
/// a killed daemon had begun to read and may not have kept is a gap.
///
/// Layout (native byte order; a space never leaves its host):
///
///   page 0     the shape (magic, version, sizes), the number of the state that counts, two states
///   notes      two of note_limit bytes: what the command is, as its owner wrote it
///   marks      a ring: where bytes of another output, or a gap, begin
///   bytes      a ring of `capacity`
///
/// A state is written beside the one that counts, and then made to count, so a kill at any point leaves a
/// whole one. The memfd is sealed against any change of size. What is read back from one that a space has
/// held is checked field by field, and read once: from then on the memory is only written, but for the bytes.
class history {
 public:
  static constexpr std::size_t note_limit = std::size_t{96} << 10; // bytes
  static constexpr std::size_t least_capacity = std::size_t{4} << 10;

  /// An empty one; `capacity` is rounded up to whole pages. Throws std::system_error.
  static history make(std::size_t capacity);
  /// One that was found, of at most that capacity. Fails with errc::conflict, saying what is wrong with it.
  /// An intent that stood in it is now a gap.
  static result<history> open(unique_fd memory, std::size_t most_capacity);

  [[nodiscard]] int descriptor() const noexcept { return memory_.value(); }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

  /// Throws errc::invalid_field where it is longer than note_limit.
  void set_note(std::string_view note);
  [[nodiscard]] const std::string& note() const noexcept { return note_; }

  /// Copies `data` behind what there is.
  void append(channel from, std::span<const std::byte> data);

  /// Room for bytes that are about to be read, at most `most` and at least one: the intent stands from here
  /// until `commit`, which says how many they were (also none).
  [[nodiscard]] std::span<std::byte> begin(channel from, std::size_t most);
  void commit(std::size_t size);

  /// Lets go of all bytes, and of their memory; the offsets and the note stay. Throws std::system_error.
  void drop_output();

  /// What is kept: offsets of the oldest byte and of the one after the newest, which is also the total.
  struct range {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
  };
  [[nodiscard]] range kept(selection of) const noexcept;
  [[nodiscard]] std::uint64_t total(selection of) const noexcept { return kept(of).last; }

  /// What stands at an offset: bytes (`data` not empty, valid until the next append or begin), or a gap up
  /// to `to`, or the end.
  struct item {
    enum class kind { bytes, gap, end };
    kind what = kind::end;
    channel from = channel::out;
    std::uint64_t to = 0; ///< the offset after it
    std::span<const std::byte> data;
  };
  /// Throws errc::offset_out_of_range, naming the range there is, for an offset past the end.
  [[nodiscard]] item read(std::uint64_t offset, selection of, std::size_t most = ~std::size_t{0}) const;

  /// The offset that is up to `size` bytes before the end, at most as old as what is kept.
  [[nodiscard]] std::uint64_t before_end(std::size_t size, selection of) const noexcept;

 private:
  [[nodiscard]] std::byte* base() const noexcept { return memory_at_.get(); }

  /// Bytes of one output, or a gap in it, begin here; they end where the next mark is.
  struct mark {
    std::uint64_t offset = 0;     ///< of both
    std::uint64_t out_before = 0; ///< how many of them are of stdout
    std::uint32_t from = 0;       ///< 0 or 1
    std::uint32_t gap = 0;        ///< 0 or 1

    [[nodiscard]] std::uint64_t at(selection of) const noexcept;
  };
  /// As it stands in the memory.
  struct state {
    std::uint64_t end = 0;        ///< bytes of both
    std::uint64_t out_end = 0;    ///< bytes of stdout
    std::uint64_t first_mark = 0; ///< counted from the first ever; the ring's place is the rest by its size
    std::uint64_t next_mark = 0;
    std::uint64_t intent = 0; ///< bytes; 0: none
    std::uint32_t intent_from = 0;
    std::uint32_t note_place = 0; ///< 0 or 1
    std::uint64_t note_size = 0;
  };

  history(unique_fd memory, std::size_t capacity);
  std::optional<std::string> take_over(); ///< what is wrong with it
  [[nodiscard]] std::optional<std::string> check_state(const state& s) const;
  [[nodiscard]] std::optional<std::string> check_marks() const;
  void store();
  void advance(channel from, std::size_t size, bool gap);
  void drop_old(std::uint64_t oldest);
  [[nodiscard]] std::uint64_t oldest() const noexcept;

  unique_fd memory_;
  std::size_t capacity_ = 0;
  struct unmap {
    std::size_t size;
    void operator()(std::byte* at) const noexcept;
  };
  std::unique_ptr<std::byte, unmap> memory_at_{nullptr, unmap{0}};
  state now_;
  std::uint32_t active_ = 0; ///< the state in the memory that counts
  std::uint64_t limit_ = 0;  ///< bytes before this offset are not kept
  std::deque<mark> marks_;   ///< those that count, not trusting the memory's
  std::string note_;
};

/// The bytes of memory that a history of this capacity may take, all told.
std::size_t footprint(std::size_t capacity) noexcept;

} // namespace clawdspace::spaces
