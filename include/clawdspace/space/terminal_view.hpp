#pragma once

#include <clawdspace/space/output_follower.hpp>

namespace clawdspace::spaces {

/// What a viewer of a terminal is given.
struct viewed {
  enum class kind {
    output,
    resized, ///< to `rows` and `columns`, by whomever
    dropped, ///< it fell too far behind, and is no viewer any more
    end,     ///< the command has ended: its record tells how
  };
  kind what = kind::end;
  int rows = 0;
  int columns = 0;
  std::span<const std::byte> data; ///< valid until the next call
};

/// One client's look at a terminal: the last 64 KiB, then what comes. The first of a terminal's viewers holds
/// the program to its pace; another one that falls 256 KiB behind is dropped. When the last one goes the
/// terminal lingers, unless it was hung up (command_book::hang_up).
class terminal_view {
 public:
  static constexpr std::size_t replay = std::size_t{64} << 10;    // bytes
  static constexpr std::size_t patience = std::size_t{256} << 10; // bytes behind

  /// Throws errc::conflict where the command is no terminal or has ended.
  terminal_view(registry& known, record_ptr of);
  terminal_view(const terminal_view&) = delete;
  terminal_view& operator=(const terminal_view&) = delete;
  ~terminal_view();

  /// The next, when there is something.
  task<viewed> next();

  [[nodiscard]] const command_record& of() const noexcept { return follower_.of(); }

 private:
  record_ptr record_;
  output_follower follower_;
  int rows_;
  int columns_;
};

} // namespace clawdspace::spaces
