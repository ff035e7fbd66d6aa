#include <clawdspace/core/error.hpp>
#include <clawdspace/space/registry.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace clawdspace::spaces {

registry::registry(const asio::any_io_executor& executor, clock& time, event_hub& events)
    : executor_(executor), clock_(time), events_(events), changed_(executor) {}

space_ptr registry::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

space_ptr registry::at(std::string_view name) const {
  if (auto found = find(name)) return found;
  if (!filled_)
    throw error(errc::engine_unavailable,
                "the Docker Engine has not been reached yet: which spaces there are is not known");
  throw error(errc::space_not_found, fmt::format("there is no space \"{}\"", name));
}

space_ptr registry::find_container(std::string_view container) const {
  const auto found = by_container_.find(container);
  return found == by_container_.end() ? nullptr : found->second;
}

space_ptr registry::add(identity who) {
  if (by_name_.contains(who.name))
    throw error(errc::name_taken, fmt::format("there is a space \"{}\" already", who.name));
  auto s = std::make_shared<space>(executor_, std::move(who));
  s->state_since = s->last_used = clock_.now();
  by_name_.emplace(s->self.name, s);
  changed_.bump();
  return s;
}

void registry::set_container(const space_ptr& s, std::string container) {
  if (!s->container.empty()) by_container_.erase(s->container);
  s->container = std::move(container);
  if (!s->gone) by_container_[s->container] = s; // destroyed while its create hung
}

void registry::set_state(const space_ptr& s, space_state to) {
  if (s->gone || s->state == to) return;
  const bool made = s->state == space_state::creating;
  s->state = to;
  s->state_since = clock_.now();
  s->cpu.reset();
  s->changed.bump();
  changed_.bump();
  if (made && to == space_state::running) tell(*s, "space.created");
  tell(*s, fmt::format("space.{}", to_string(to)));
}

void registry::set_changed(const space_ptr& s) {
  s->changed.bump();
  changed_.bump();
  if (s->state != space_state::creating) tell(*s, "space.changed");
}

void registry::remove(const space_ptr& s) {
  if (s->gone) return;
  const bool told = s->state != space_state::creating;
  s->gone = true;
  s->state = space_state::destroying;
  s->changed.bump();
  by_name_.erase(s->self.name);
  by_container_.erase(s->container);
  changed_.bump();
  if (told) tell(*s, "space.destroyed");
}

lease registry::take_lease(space_ptr s) { return {std::move(s), clock_, changed_}; }

void registry::touch(const space_ptr& s) {
  // Who waits for it to fall asleep looks at the time again when that is up; those who read it can wait a
  // second.
  s->last_used = clock_.now();
  if (s->last_used - s->use_told < std::chrono::seconds(1) && s->last_used >= s->use_told) return;
  s->use_told = s->last_used;
  changed_.bump();
}

std::array<std::size_t, 5> registry::count_by_state() const {
  std::array<std::size_t, 5> counts{};
  for (const auto& [name, s] : by_name_) ++counts[static_cast<std::size_t>(s->state)];
  return counts;
}

void registry::tell(const space& s, std::string_view what) {
  events_.publish(what, boost::json::serialize(boost::json::object{
                            {"time", to_rfc3339(clock_.now())},
                            {"id", s.self.id},
                            {"name", s.self.name},
                            {"state", s.gone ? "destroyed" : to_string(s.state)},
                        }));
}

} // namespace clawdspace::spaces
