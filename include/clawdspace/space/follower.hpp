#pragma once

#include <clawdspace/space/lifecycle.hpp>

#include <functional>
#include <optional>
#include <string>

namespace clawdspace::spaces {

/// Keeps the registry true to the Engine: one list at start, the event stream from then on, the list again
/// after every break and on a slow timer. Comes back by itself when the Engine does.
class follower {
 public:
  /// `on_exec` hears of the Engine's exec events.
  follower(engine::client& docker, registry& known, lifecycle& operations, folders& state,
           std::function<void(const engine::engine_event&)> on_exec);

  /// Until it is cancelled.
  task<> run();

  struct status {
    bool up = false;
    std::string reason;      ///< while it is not up: why
    engine::version version; ///< of the Engine that was last reached
  };
  [[nodiscard]] const status& engine_status() const noexcept { return status_; }

 private:
  task<> follow();
  task<> read_events(engine::event_stream& stream,
                     nursery& refreshing); // both outlive it: its nursery is the latter
  task<> relist_now_and_then(nursery& refreshing);
  task<> relist(nursery& refreshing);
  task<> refresh(space_ptr s);
  void take(const engine::engine_event& event, nursery& refreshing);

  engine::client& docker_;
  registry& known_;
  lifecycle& operations_;
  folders& folders_;
  std::function<void(const engine::engine_event&)> on_exec_;
  status status_;
  std::optional<time_point> last_event_;
};

} // namespace clawdspace::spaces
