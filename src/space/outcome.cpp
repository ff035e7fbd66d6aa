#include <clawdspace/core/error.hpp>
#include <clawdspace/space/outcome.hpp>

#include <fmt/format.h>

#include <csignal>
#include <string.h>

namespace clawdspace::spaces {

std::string_view to_string(outcome o) noexcept {
  switch (o) {
  case outcome::exited:
    return "exited";
  case outcome::signaled:
    return "signaled";
  case outcome::timed_out:
    return "timed_out";
  case outcome::out_of_memory:
    return "out_of_memory";
  case outcome::canceled:
    return "canceled";
  case outcome::lost:
    return "lost";
  case outcome::failed_to_start:
    return "failed_to_start";
  }
  return "lost";
}

ending judge(const process_end& end, end_cause cause, bool space_left, bool killed_by_us) {
  ending told{.signal = end.signal,
              .failure_code = end.failure_code,
              .reason = end.reason,
              .oom_kills = end.oom_kills};
  if (!end.failure_code.empty()) {
    told.outcome = outcome::failed_to_start;
  } else if (cause != end_cause::none && (end.tree_gone || !end.exit_code)) {
    // A shell whose child we killed may exit by itself before its own turn comes: still our doing.
    told.outcome = cause == end_cause::timed_out ? outcome::timed_out : outcome::canceled;
  } else if (end.exit_code) {
    told.outcome = outcome::exited;
    told.exit_code = end.exit_code;
  } else if (space_left) {
    told.outcome = outcome::canceled;
    told.reason = "its space was stopped or destroyed"; // whatever a backend saw of that
  } else if (end.signal == SIGKILL && !killed_by_us && end.oom_kills.value_or(0) > 0) {
    told.outcome = outcome::out_of_memory;
  } else if (end.signal) {
    told.outcome = outcome::signaled;
  } else {
    told.outcome = outcome::lost;
  }
  return told;
}

std::string signal_name(int number) {
  const char* name = ::sigabbrev_np(number);
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("SIG{}", number);
}

int signal_number(std::string_view name) {
  constexpr int last = 64;
  const auto word = name.starts_with("SIG") ? name.substr(3) : name;
  for (int number = 1; number <= last; ++number) {
    const char* known = ::sigabbrev_np(number);
    if ((known != nullptr && word == known) || word == fmt::format("{}", number)) return number;
  }
  throw error(errc::invalid_field, fmt::format("signal: there is no signal \"{}\"", name));
}

} // namespace clawdspace::spaces
