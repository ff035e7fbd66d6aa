#include <clawdspace/space/sleep_rules.hpp>

#include <algorithm>

namespace clawdspace::spaces {

namespace {

milliseconds idle_timeout(const space& s, const policy& rules) {
  return s.settings.idle_timeout.value_or(rules.idle_timeout);
}

bool may_sleep(const space& s, const policy& rules) {
  return s.state == space_state::running && s.leases == 0 && idle_timeout(s, rules).count() > 0;
}

void keep_earlier(std::optional<due>& earliest, due other) {
  if (!earliest || other.when < earliest->when) earliest = other;
}

} // namespace

milliseconds busy_window(const space& s, const policy& rules) {
  return std::min(milliseconds(60'000), idle_timeout(s, rules) / 2);
}

std::optional<time_point> sleeps_at(const space& s, const policy& rules) {
  if (!may_sleep(s, rules)) return std::nullopt;
  return s.last_used + idle_timeout(s, rules);
}

std::optional<time_point> expires_at(const space& s, const policy& rules) {
  const auto life = s.settings.time_to_live.value_or(rules.time_to_live);
  if (life.count() == 0) return std::nullopt;
  return s.self.created + life;
}

std::optional<due> next_due(const space& s, const policy& rules) {
  if (s.gone || s.state == space_state::creating || s.state == space_state::destroying) return std::nullopt;
  std::optional<due> next;
  if (const auto end = expires_at(s, rules)) keep_earlier(next, {due::action::destroy, *end});
  if (const auto sleep = sleeps_at(s, rules)) {
    // A first look at the processor time, so that there is something to compare with when the time is up.
    const bool looked = rules.busy_percent <= 0 || (s.cpu && s.cpu->when >= *sleep - busy_window(s, rules));
    if (looked)
      keep_earlier(next, {due::action::freeze,
                          std::max(*sleep, s.cpu ? s.cpu->when + busy_window(s, rules) : *sleep)});
    else
      keep_earlier(next, {due::action::sample, *sleep - busy_window(s, rules)});
  }
  if (s.state == space_state::paused && s.leases == 0 && rules.stop_after.count() > 0)
    keep_earlier(next, {due::action::halt, s.state_since + rules.stop_after});
  return next;
}

bool is_busy(const space::cpu_sample& before, const space::cpu_sample& after, const policy& rules) {
  if (rules.busy_percent <= 0 || after.total_ns < before.total_ns) return false;
  const auto elapsed = std::chrono::duration<double, std::nano>(after.when - before.when).count();
  if (elapsed <= 0) return true;
  return static_cast<double>(after.total_ns - before.total_ns) / elapsed * 100 > rules.busy_percent;
}

} // namespace clawdspace::spaces
