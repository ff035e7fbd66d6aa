#pragma once

#include <clawdspace/core/clock.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clawdspace::spaces {

/// How a command ended: exactly one of these (design, section 6).
enum class outcome { exited, signaled, timed_out, out_of_memory, canceled, lost, failed_to_start };
std::string_view to_string(outcome o) noexcept;

/// What a backend knows about the end of a command's main process.
struct process_end {
  std::optional<int> exit_code;
  std::optional<int> signal;
  std::string failure_code; ///< not empty: it never ran; one of the API's words (`program_not_found` …)
  std::string reason;       ///< of a failure, or why nothing is known
  std::optional<std::uint64_t> oom_kills; ///< in the space, while it ran
  bool tree_gone = false;                 ///< it was ended on request, with all its descendants

  [[nodiscard]] bool is_known() const { return exit_code || signal || !failure_code.empty(); }
};

/// Why a command was ended by us.
enum class end_cause { none, timed_out, canceled };

/// The ending as it is told.
struct ending {
  spaces::outcome outcome = outcome::lost;
  std::optional<int> exit_code; ///< only where it exited
  std::optional<int> signal;
  std::string failure_code;
  std::string reason;
  std::optional<std::uint64_t> oom_kills;
  std::optional<bool> confirmed; ///< where a tree was ended: whether nothing of it is left
  milliseconds duration{};
};

/// What an end means, given why we ended it (if we did) and whether its space went away with it.
/// `killed_by_us`: somebody asked us for a SIGKILL, so that it says nothing of memory.
ending judge(const process_end& end, end_cause cause, bool space_left, bool killed_by_us = false);

/// `SIGKILL` for 9; `SIG64` where it has no name.
std::string signal_name(int number);

/// 9 for `SIGKILL`, `KILL` and `9`. Throws errc::invalid_field naming one that does not exist.
int signal_number(std::string_view name);

} // namespace clawdspace::spaces
