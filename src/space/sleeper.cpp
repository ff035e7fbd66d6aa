#include <clawdspace/core/log.hpp>
#include <clawdspace/space/sleeper.hpp>

#include <algorithm>

namespace clawdspace::spaces {

using namespace std::chrono_literals;

namespace {

constexpr auto rest_between_looks =
    50ms; // hundreds of commands a second must not mean hundreds of looks at every space
constexpr auto after_failure = 10s;
constexpr auto far = std::chrono::hours(1);

std::string_view to_words(due::action what) {
  switch (what) {
  case due::action::sample:
    return "look at its processor time";
  case due::action::freeze:
    return "pause";
  case due::action::halt:
    return "stop";
  case due::action::destroy:
    return "destroy";
  }
  return "";
}

} // namespace

sleeper::sleeper(engine::client& docker, registry& known, lifecycle& operations, clock& time)
    : docker_(docker), known_(known), operations_(operations), clock_(time) {}

std::optional<due> sleeper::next_for(const space& s) const {
  auto next = next_due(s, operations_.rules());
  if (const auto held = not_before_.find(s.self.id); next && held != not_before_.end())
    next->when = std::max(next->when, held->second);
  return next;
}

task<> sleeper::run() {
  const auto body = [this](nursery& acting) -> task<> {
    for (;;) {
      const auto now = clock_.now();
      std::erase_if(not_before_, [&](const auto& held) { return held.second <= now; });
      for (const auto& [name, s] : known_.all()) {
        const auto next = next_for(*s);
        if (!next || next->when > now) continue;
        not_before_[s->self.id] = time_point::max();
        acting.start(act(s, next->what));
      }
      co_await wait_for_something();
    }
  };
  co_await with_nursery(body);
}

task<> sleeper::wait_for_something() {
  const auto seen = known_.changed().value();
  auto earliest = clock_.now() + far;
  for (const auto& [name, s] : known_.all())
    if (const auto next = next_for(*s)) earliest = std::min(earliest, next->when);
  co_await first_of(clock_.wait_until(earliest), known_.changed().wait_past(seen));
  asio::steady_timer timer{co_await asio::this_coro::executor, rest_between_looks};
  co_await timer.async_wait(asio::use_awaitable);
}

task<> sleeper::act(space_ptr s, due::action what) {
  std::exception_ptr failure;
  try {
    co_await carry_out(s, what);
  } catch (...) {
    failure = std::current_exception();
  }
  not_before_.erase(s->self.id);
  if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none) co_return;
  if (failure && !s->gone) {
    log_warning(
        "a space could not be put to rest",
        {field("space", s->self.name), field("step", to_words(what)), field("reason", describe(failure))});
    not_before_[s->self.id] = clock_.now() + after_failure;
  }
  known_.changed().bump();
}

task<> sleeper::carry_out(space_ptr s, due::action what) {
  switch (what) {
  case due::action::sample:
    s->cpu = co_await sample(s);
    break;
  case due::action::freeze: {
    if (operations_.rules().busy_percent > 0) {
      const auto now = co_await sample(s);
      if (!s->cpu || is_busy(*s->cpu, now, operations_.rules())) {
        s->cpu = now; // it computes: another look after another window
        co_return;
      }
    }
    if (co_await operations_.put_to_sleep(s, sleep_depth::paused))
      log_info("a space fell asleep", {field("space", s->self.name)});
    break;
  }
  case due::action::halt:
    if (co_await operations_.put_to_sleep(s, sleep_depth::stopped))
      log_info("a sleeping space was stopped", {field("space", s->self.name)});
    break;
  case due::action::destroy:
    log_info("a space's time to live is over", {field("space", s->self.name)});
    co_await operations_.destroy(s);
    break;
  }
}

task<space::cpu_sample> sleeper::sample(space_ptr s) {
  const auto seen = co_await docker_.container_stats(s->container);
  co_return space::cpu_sample{clock_.now(), seen.cpu_total_ns};
}

} // namespace clawdspace::spaces
