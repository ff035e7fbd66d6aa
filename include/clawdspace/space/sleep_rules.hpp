#pragma once

#include <clawdspace/space/policy.hpp>
#include <clawdspace/space/space.hpp>

#include <optional>

namespace clawdspace::spaces {

/// What is due for a space, and when: pure, so that a test can move the time.
struct due {
  enum class action { sample, freeze, halt, destroy };
  action what = action::freeze;
  time_point when;
};

/// The next thing to do for a space by itself; nothing where there is none. A due of `freeze` still has to
/// pass `is_busy`.
std::optional<due> next_due(const space& s, const policy& rules);

/// When a space falls asleep if nobody uses it and it does not compute.
std::optional<time_point> sleeps_at(const space& s, const policy& rules);
/// When its time to live is over.
std::optional<time_point> expires_at(const space& s, const policy& rules);

/// Whether the processor time between two samples says that the space computes.
bool is_busy(const space::cpu_sample& before, const space::cpu_sample& after, const policy& rules);

/// The time over which processor use is looked at: a minute, or half the idle time where that is shorter.
milliseconds busy_window(const space& s, const policy& rules);

} // namespace clawdspace::spaces
