#include <clawdspace/core/log.hpp>
#include <clawdspace/space/doors.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace clawdspace::spaces {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

constexpr auto patience = 2s;       // from a start, or a lost connection, to a door that opens
constexpr auto ask_again = 1s;      // the Engine, about a space that connects and is not who was expected
constexpr auto lost_patience = 15s; // for a space's init to come back; it tries every 200 ms

bool can_speak(space_state state) { return state == space_state::running || state == space_state::creating; }

} // namespace

doors::doors(const asio::any_io_executor& executor, engine::client& docker, registry& known,
             const folders& state)
    : executor_(executor), docker_(docker), known_(known), folders_(state), watching_(executor) {}

void doors::open(const space_ptr& s) {
  auto& e = entries_[s->self.id];
  const bool fresh = !e;
  try {
    const auto folder = folders_.prepare(s->self.id);
    if (fresh) {
      e = std::make_shared<entry>();
      e->of = s;
      e->door = std::make_shared<door::door>(executor_, folder);
      e->door->on_strangers([this, at = std::weak_ptr(e)](strangers found) {
        const auto mine = at.lock();
        if (mine && on_strangers_) on_strangers_(mine->of, mine->door, std::move(found));
      });
      tell(*s, "engine", "its door has not opened yet");
      e->seen_state = s->state;
      e->seen_since = s->state_since;
      e->hope_until = steady_clock::now() + patience;
    }
    e->door->listen();
  } catch (const std::system_error& failure) {
    log_warning("a space gets no door", {field("space", s->self.name), field("reason", failure.what())});
    tell(*s, "engine", fmt::format("its door could not be made: {}", failure.what()));
  }
  if (!e)
    entries_.erase(s->self.id);
  else if (fresh)
    watching_.start(watch(e));
}

std::shared_ptr<doors::entry> doors::entry_of(const space& s) const {
  const auto found = entries_.find(s.self.id);
  return found == entries_.end() ? nullptr : found->second;
}

std::shared_ptr<door::door> doors::find(const space& s) const {
  const auto e = entry_of(s);
  return e && e->door->is_open() ? e->door : nullptr;
}

// A space that has just begun to run is a new reason to wait for its door; one that was only thawed is not,
// where its door has not opened before.
void doors::hope(entry& e) const {
  const auto& s = *e.of;
  if (e.seen_since == s.state_since && e.seen_state == s.state) return;
  const bool thawed = e.seen_state == space_state::paused && s.state == space_state::running;
  e.seen_since = s.state_since;
  e.seen_state = s.state;
  if (!can_speak(s.state) || (thawed && e.is_hopeless)) return;
  e.hope_until = steady_clock::now() + patience;
  e.is_hopeless = false;
  e.has_no_match = false;
  e.asked = {};
}

bool doors::may_open(const space& s) const {
  const auto e = entry_of(s);
  if (!e) return false;
  hope(*e);
  return e->door->is_open() || (!e->has_no_match && steady_clock::now() < e->hope_until);
}

bool doors::is_unheard(const space& s) const {
  const auto e = entry_of(s);
  if (!e || !e->door->life().empty()) return false;
  return s.state == space_state::paused ? !e->is_hopeless && !e->has_no_match : may_open(s);
}

task<std::shared_ptr<door::door>> doors::wait_for(space_ptr s) {
  const auto e = entry_of(*s);
  if (!e) co_return nullptr;
  while (!e->door->is_open()) {
    if (s->gone || !may_open(*s)) co_return nullptr;
    co_await e->door->changed().wait_past(e->door->changed().value(), e->hope_until);
  }
  co_return e->door;
}

task<> doors::watch(std::shared_ptr<entry> e) {
  const auto body = [&](nursery& asking) -> task<> {
    while (!e->of->gone) co_await follow(e, asking);
    asking.cancel();
  };
  try {
    co_await with_nursery(body);
  } catch (...) { // other spaces have nothing to do with it
    if (is_cancellation(std::current_exception())) throw;
    log_error("a space's door is not looked after any more",
              {field("space", e->of->self.name), field("reason", describe(std::current_exception()))});
    tell(*e->of, "engine", "its door failed inside the daemon");
  }
  entries_.erase(e->of->self.id);
  e->door->give_up(e->of->gone ? "its space was destroyed" : "its door failed");
  co_await e->door->close();
}

task<> doors::follow(std::shared_ptr<entry> e, nursery& asking) {
  auto& s = *e->of;
  auto& door = *e->door;
  const auto seen = s.changed.value();
  const auto seen_door = door.changed().value();
  look(*e);
  const bool lives = s.state == space_state::paused || can_speak(s.state);
  if (door.has_guests() && !door.is_open() && lives && !s.container.empty() && asking.empty() &&
      steady_clock::now() >= e->asked + ask_again) {
    e->asked = steady_clock::now();
    asking.start(ask_for_process(e));
  }
  if (s.changed.value() == seen && door.changed().value() == seen_door)
    co_await first_of(s.changed.wait_past(seen), door.changed().wait_past(seen_door, next_look(*e)));
}

doors::time doors::next_look(const entry& e) const {
  auto next = time::max();
  const auto now = steady_clock::now();
  const auto consider = [&](time at) {
    if (at > now) next = std::min(next, at);
  };
  if (e.door->is_open()) return next;
  consider(e.hope_until);
  if (e.lost_at != time{} && e.of->state != space_state::paused) consider(e.lost_at + lost_patience);
  if (e.door->has_guests()) consider(e.asked + ask_again);
  return next;
}

void doors::look(entry& e) {
  auto& s = *e.of;
  auto& door = *e.door;
  const auto now = steady_clock::now();
  hope(e);
  const bool stopped = s.state == space_state::stopped;
  if (stopped && !e.was_stopped) {
    door.expect(0); // whoever comes next is another
    door.give_up("its space was stopped");
    e.asked = {};
  }
  e.was_stopped = stopped;
  if (door.is_open()) {
    e.was_open = true;
    e.is_hopeless = false;
    e.lost_at = {};
    tell(s, "door", "");
    return;
  }
  if (std::exchange(e.was_open, false)) {
    e.lost_at = now;
    e.hope_until = now + patience;
    e.asked = {};
  }
  // A frozen init cannot come back: its time does not run.
  if (e.lost_at != time{} && s.state == space_state::paused) e.lost_at = now;
  if (e.lost_at != time{} && now >= e.lost_at + lost_patience) {
    e.lost_at = {};
    door.give_up(fmt::format("its door has been shut for {} s", lost_patience.count()));
  }
  if (!can_speak(s.state) || (!e.has_no_match && now < e.hope_until)) return;
  e.is_hopeless = true;
  tell(s, "engine", reason(e));
}

std::string doors::reason(const entry& e) const {
  if (e.has_no_match)
    return "its first process has no number here: the daemon and the Engine's containers do not share a view "
           "of processes";
  if (!folders_.has_this_init(e.of->self.id))
    return "its init came with another version of the daemon and has not opened the door";
  return fmt::format(
      "its init did not open the door within {} s: is the state folder the same for the Engine?",
      std::chrono::seconds(patience).count());
}

void doors::tell(space& s, std::string_view backend, const std::string& reason) {
  if (s.backend == backend && s.backend_reason == reason) return;
  s.backend = backend;
  s.backend_reason = reason;
  known_.changed().bump();
}

task<> doors::ask_for_process(std::shared_ptr<entry> e) {
  const auto container = e->of->container;
  try {
    const auto seen = co_await docker_.inspect_container(container);
    if (seen.pid == 0 || e->of->container != container) co_return;
    const bool nameless = e->door->has_nameless_guest();
    e->door->expect(seen.pid);
    if (nameless && !e->door->is_open()) e->has_no_match = true;
  } catch (const error& failure) { // asked again while somebody knocks
    log_debug("the Engine did not tell a space's first process",
              {field("space", e->of->self.name), field("reason", failure.what())});
  }
  e->door->changed().bump();
}

task<> doors::close() {
  watching_.cancel();
  co_await watching_.join();
  for (const auto& [id, e] : entries_) co_await e->door->close();
  entries_.clear();
}

} // namespace clawdspace::spaces
