#pragma once

#include <clawdspace/core/clock.hpp>
#include <clawdspace/space/event_hub.hpp>
#include <clawdspace/space/space.hpp>

#include <array>
#include <map>
#include <string>
#include <string_view>

namespace clawdspace::spaces {

/// All spaces by name: the cache of what the Engine knows. Every change goes through here, so that it is told
/// once.
class registry {
 public:
  registry(const asio::any_io_executor& executor, clock& time, event_hub& events);

  [[nodiscard]] space_ptr find(std::string_view name) const;
  /// Throws errc::space_not_found, or errc::engine_unavailable before the first list has been read.
  [[nodiscard]] space_ptr at(std::string_view name) const;
  [[nodiscard]] space_ptr find_container(std::string_view container) const;
  [[nodiscard]] const auto& all() const noexcept { return by_name_; }

  /// Throws errc::name_taken.
  space_ptr add(identity who);
  void set_container(const space_ptr& s, std::string container);
  void set_state(const space_ptr& s, space_state to);
  /// After a change of limits or settings.
  void set_changed(const space_ptr& s);
  /// It is gone; whoever holds it sees that.
  void remove(const space_ptr& s);

  /// Keeps `s` awake, and counts as a use.
  [[nodiscard]] lease take_lease(space_ptr s);
  /// A use of it: bytes have moved. Cheap enough for each of them.
  void touch(const space_ptr& s);

  /// Grows with whatever a reader could see, last use and leases included.
  [[nodiscard]] revision& changed() noexcept { return changed_; }

  /// Whether the Engine's list has been read at least once.
  [[nodiscard]] bool is_filled() const noexcept { return filled_; }
  void set_filled() noexcept { filled_ = true; }

  [[nodiscard]] std::array<std::size_t, 5> count_by_state() const;

 private:
  void tell(const space& s, std::string_view what);

  asio::any_io_executor executor_;
  clock& clock_;
  event_hub& events_;
  std::map<std::string, space_ptr, std::less<>> by_name_;
  std::map<std::string, space_ptr, std::less<>> by_container_;
  revision changed_;
  bool filled_ = false;
};

} // namespace clawdspace::spaces
