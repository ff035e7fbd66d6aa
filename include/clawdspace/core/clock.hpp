#pragma once

#include <clawdspace/core/task.hpp>

#include <chrono>
#include <string>

namespace clawdspace {

/// Wall-clock time: what is shown, stored and compared across restarts.
using time_point = std::chrono::system_clock::time_point;
using milliseconds = std::chrono::milliseconds;

/// Where idle and life times are read and waited for, so that a test can move them.
class clock {
 public:
  virtual ~clock() = default;
  [[nodiscard]] virtual time_point now() const = 0;
  /// Returns at `when` or later, or early when the clock has been set; the caller looks at `now` again.
  virtual task<> wait_until(time_point when) = 0;
};

/// The machine's own clock. Bounds each wait to a minute, so that a clock that was set is noticed.
class system_clock final : public clock {
 public:
  [[nodiscard]] time_point now() const override { return std::chrono::system_clock::now(); }
  task<> wait_until(time_point when) override;
};

/// RFC 3339 in UTC with milliseconds: `2026-01-31T08:15:30.250Z`.
std::string to_rfc3339(time_point when);

/// The reverse, as the Engine and the settings files write it (any number of fraction digits, `Z` or an
/// offset). Throws errc::invalid_field.
time_point from_rfc3339(std::string_view text);

} // namespace clawdspace
