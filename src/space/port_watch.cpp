#include <clawdspace/core/log.hpp>
#include <clawdspace/core/nursery.hpp>
#include <clawdspace/space/port_watch.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace clawdspace::spaces {

using namespace std::chrono_literals;

namespace {

constexpr auto between_looks = 1s;

std::string to_key(const listening& l) { return fmt::format("{} {}", l.port, l.address); }

} // namespace

task<> port_watch::run() {
  const auto body = [this](nursery& asking) -> task<> {
    for (;;) {
      if (!events_.has_audience()) {
        co_await events_.wait_for_audience();
        begin_to_follow();
      }
      drop_those_that_left();
      for (const auto& [name, s] : known_.all())
        if (s->state == space_state::running && !s->falling_asleep && asking_.insert(s->self.id).second)
          asking.start(look_at(s));
      asio::steady_timer pause{co_await asio::this_coro::executor, between_looks};
      co_await pause.async_wait(asio::use_awaitable);
    }
  };
  co_await with_nursery(body);
}

// Of those that run already it is not known what is news; any other begins with nothing open.
void port_watch::begin_to_follow() {
  for (const auto& [name, s] : known_.all())
    if (s->state == space_state::running || s->state == space_state::paused) seen_.try_emplace(s->self.id);
}

void port_watch::drop_those_that_left() {
  std::set<std::string> there;
  for (const auto& [name, s] : known_.all()) {
    there.insert(s->self.id);
    const auto seen = seen_.find(s->self.id);
    if (s->state != space_state::stopped || seen == seen_.end()) continue;
    for (const auto& [key, l] : seen->second.open) tell(*s, "port.closed", l);
    seen->second.open.clear();
  }
  std::erase_if(seen_, [&](const auto& one) { return !there.contains(one.first); });
}

port_watch::view& port_watch::view_of(const space& s) {
  return seen_.try_emplace(s.self.id, view{.open = {}, .looked = true}).first->second;
}

task<> port_watch::look_at(space_ptr s) {
  std::map<std::string, listening> open;
  bool looked = false;
  try {
    auto all = co_await ports_.look(s, false);
    auto& before = view_of(*s);
    const auto is_new = [&](const listening& l) {
      return l.what == listening::kind::tcp && !before.open.contains(to_key(l));
    };
    if (std::ranges::any_of(all, is_new)) all = co_await ports_.look(s, true);
    for (auto& l : all) {
      if (l.what != listening::kind::tcp) continue;
      if (const auto known = before.open.find(to_key(l)); known != before.open.end() && !l.owner)
        l.owner = known->second.owner;
      open.emplace(to_key(l), std::move(l));
    }
    looked = true;
  } catch (...) { // it has no door, or fell asleep under the question
    if (is_cancellation(std::current_exception())) throw;
    log_debug("what listens in a space was not told",
              {field("space", s->self.name), field("reason", describe(std::current_exception()))});
  }
  asking_.erase(s->self.id);
  if (!looked || s->gone || s->state == space_state::stopped) co_return;
  auto& before = view_of(*s);
  const bool tells = before.looked;
  before.looked = true;
  if (tells) {
    for (const auto& [key, l] : before.open)
      if (!open.contains(key)) tell(*s, "port.closed", l);
    for (const auto& [key, l] : open)
      if (!before.open.contains(key)) tell(*s, "port.opened", l);
  }
  before.open = std::move(open);
}

void port_watch::tell(const space& s, std::string_view type, const listening& about) {
  boost::json::object data{{"time", to_rfc3339(clock_.now())},
                           {"space", s.self.name},
                           {"address", about.address},
                           {"port", about.port},
                           {"protocol", "tcp"}};
  if (about.owner) data["process"] = {{"pid", about.owner->pid}, {"name", about.owner->name}};
  events_.publish(type, boost::json::serialize(data));
}

} // namespace clawdspace::spaces
