#pragma once

#include <clawdspace/space/command_record.hpp>
#include <clawdspace/space/registry.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace clawdspace::spaces {

/// What a follower is given.
struct followed {
  enum class kind {
    output,
    gap, ///< what lay between `from_offset` and `to_offset` is not kept any more
    end, ///< the command has ended, and this was all: its record tells the ending
  };
  kind what = kind::end;
  channel from = channel::out;
  std::uint64_t from_offset = 0;
  std::uint64_t to_offset = 0;
  std::span<const std::byte> data; ///< valid until the next call
};

/// Reads a command's history from an offset, and goes on as it grows. Any number of them, also of a command
/// that has ended; each keeps its place and one piece.
class output_follower {
 public:
  /// Throws errc::no_history where none is kept, errc::command_forgotten where it had to make room for
  /// others, errc::offset_out_of_range.
  output_follower(registry& known, record_ptr of, selection what, std::uint64_t offset);

  /// The next, when there is something.
  task<followed> next();
  /// What stands there now: nothing while there is no more yet.
  std::optional<followed> try_next();

  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }
  /// Bytes that stand there already.
  [[nodiscard]] std::uint64_t behind() const noexcept { return output_->total(what_) - offset_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return output_->capacity(); }
  [[nodiscard]] const command_record& of() const noexcept { return *record_; }

 private:
  registry& known_;
  record_ptr record_;
  std::shared_ptr<history> output_; ///< stays while it is followed
  selection what_;
  std::uint64_t offset_;
  std::vector<std::byte> piece_;
};

} // namespace clawdspace::spaces
