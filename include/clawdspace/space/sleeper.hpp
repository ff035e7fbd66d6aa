#pragma once

#include <clawdspace/space/lifecycle.hpp>
#include <clawdspace/space/sleep_rules.hpp>

#include <map>
#include <string>

namespace clawdspace::spaces {

/// Puts spaces to sleep when they have been idle, deeper when they sleep on, and ends those whose time is
/// over.
class sleeper {
 public:
  sleeper(engine::client& docker, registry& known, lifecycle& operations, clock& time);

  /// Until it is cancelled.
  task<> run();

 private:
  task<> wait_for_something();
  task<> act(space_ptr s, due::action what);
  task<> carry_out(space_ptr s, due::action what);
  task<space::cpu_sample> sample(space_ptr s);
  [[nodiscard]] std::optional<due> next_for(const space& s) const;

  engine::client& docker_;
  registry& known_;
  lifecycle& operations_;
  clock& clock_;
  std::map<std::string, time_point> not_before_; ///< by id: under way, or failed a moment ago
};

} // namespace clawdspace::spaces
