#pragma once

#include <clawdspace/core/nursery.hpp>
#include <clawdspace/door/door.hpp>
#include <clawdspace/engine/client.hpp>
#include <clawdspace/space/folders.hpp>
#include <clawdspace/space/registry.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace clawdspace::spaces {

/// The doors of all spaces: each exists for as long as its space does. Tells them which process may enter,
/// from the Engine's own words, and notices by events when a space's init is another.
class doors {
 public:
  doors(const asio::any_io_executor& executor, engine::client& docker, registry& known, const folders& state);

  /// Before a space's start, and when one is found: its socket is in place on return. What prevents that
  /// is said by the space's `backend_reason`.
  void open(const space_ptr& s);

  /// Its door, if that is open.
  [[nodiscard]] std::shared_ptr<door::door> find(const space& s) const;
  /// Waits for it as long as it can be expected to open. Nothing where it does not: the space's
  /// `backend_reason` says why.
  task<std::shared_ptr<door::door>> wait_for(space_ptr s);
  /// Whether it may yet open.
  [[nodiscard]] bool may_open(const space& s) const;
  /// Whether it has never opened to this daemon, and may yet: in a frozen space not before that is thawed.
  [[nodiscard]] bool is_unheard(const space& s) const;

  using strangers = std::vector<door::door::stranger>;
  /// What spaces kept for a daemon before this one.
  void on_strangers(std::function<void(space_ptr, std::shared_ptr<door::door>, strangers)> take) {
    on_strangers_ = std::move(take);
  }

  task<> close();

 private:
  using time = std::chrono::steady_clock::time_point;
  struct entry {
    space_ptr of;
    std::shared_ptr<door::door> door;
    space_state seen_state = space_state::creating; ///< at the last look
    time_point seen_since;                          ///< likewise
    time hope_until;                                ///< that it opens
    time asked;                                     ///< the Engine, for the first process
    time lost_at;                                   ///< a door that was open
    bool was_open = false;
    bool was_stopped = false;
    bool is_hopeless = false;  ///< it has run for long enough without one
    bool has_no_match = false; ///< its process has no number here
  };

  void hope(entry& e) const;
  void look(entry& e);
  task<> watch(std::shared_ptr<entry> e);
  task<> follow(std::shared_ptr<entry> e, nursery& asking);
  task<> ask_for_process(std::shared_ptr<entry> e);
  [[nodiscard]] time next_look(const entry& e) const;
  void tell(space& s, std::string_view backend, const std::string& reason);
  [[nodiscard]] std::string reason(const entry& e) const;
  [[nodiscard]] std::shared_ptr<entry> entry_of(const space& s) const;

  asio::any_io_executor executor_;
  engine::client& docker_;
  registry& known_;
  const folders& folders_;
  std::function<void(space_ptr, std::shared_ptr<door::door>, strangers)> on_strangers_;
  std::map<std::string, std::shared_ptr<entry>, std::less<>> entries_; ///< by the space's id
  nursery watching_;
};

} // namespace clawdspace::spaces
