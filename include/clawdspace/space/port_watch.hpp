#pragma once

#include <clawdspace/space/event_hub.hpp>
#include <clawdspace/space/ports.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace clawdspace::spaces {

/// Tells of TCP ports that open and close: once a second, while somebody follows the events, in spaces that
/// are awake. What was open before the first look at a space is not news. Keeps no space awake.
class port_watch {
 public:
  port_watch(ports& of, registry& known, event_hub& events, clock& time)
      : ports_(of), known_(known), events_(events), clock_(time) {}

  /// Until it is cancelled.
  task<> run();

 private:
  struct view {
    std::map<std::string, listening> open; ///< by `to_key`
    bool looked = false;
  };

  void begin_to_follow();
  void drop_those_that_left();
  view& view_of(const space& s);
  task<> look_at(space_ptr s);
  void tell(const space& s, std::string_view type, const listening& about);

  ports& ports_;
  registry& known_;
  event_hub& events_;
  clock& clock_;
  std::map<std::string, view> seen_; ///< by the space's id
  std::set<std::string> asking_;     ///< ids
};

} // namespace clawdspace::spaces
