#include <clawdspace/core/log.hpp>
#include <clawdspace/space/follower.hpp>
#include <clawdspace/space/labels.hpp>

#include <algorithm>
#include <set>

namespace clawdspace::spaces {

using namespace std::chrono_literals;

namespace {

constexpr auto first_retry = 100ms;
constexpr auto last_retry = 1s;
constexpr auto event_overlap =
    5s; // asked for again after a break: events are idempotent here, a missed one is not

std::optional<space_state> implied_state(std::string_view action) {
  if (action == "start" || action == "unpause") return space_state::running;
  if (action == "pause") return space_state::paused;
  if (action == "die" || action == "stop") return space_state::stopped;
  return std::nullopt;
}

} // namespace

follower::follower(engine::client& docker, registry& known, lifecycle& operations, folders& state,
                   std::function<void(const engine::engine_event&)> on_exec)
    : docker_(docker), known_(known), operations_(operations), folders_(state), on_exec_(std::move(on_exec)) {
}

task<> follower::run() {
  std::chrono::milliseconds pause = first_retry;
  for (;;) {
    std::exception_ptr failure;
    try {
      co_await follow();
    } catch (...) {
      failure = std::current_exception();
    }
    if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none)
      std::rethrow_exception(failure);
    if (status_.up || status_.reason.empty()) pause = first_retry;
    if (const auto reason = describe(failure); status_.up || reason != status_.reason) {
      log_warning("the Docker Engine is away: looking for it again", {field("reason", reason)});
      status_.reason = reason;
    }
    status_.up = false;
    asio::steady_timer timer{co_await asio::this_coro::executor, pause};
    co_await timer.async_wait(asio::use_awaitable);
    pause = std::min<std::chrono::milliseconds>(pause * 2, last_retry);
  }
}

task<> follower::follow() {
  status_.version = co_await docker_.negotiate();
  const auto host = co_await docker_.get_info();
  operations_.set_host(host);
  // First the stream, then the list: what happens between them is in one of the two.
  const auto since = last_event_ ? std::optional(*last_event_ - event_overlap) : std::nullopt;
  const auto stream = co_await docker_.follow_events(instance_label(operations_.rules().instance), since);
  const auto body = [&](nursery& children) -> task<> {
    co_await relist(children);
    if (!known_.is_filled()) {
      known_.set_filled();
      std::vector<std::string> ids;
      for (const auto& [name, s] : known_.all()) ids.push_back(s->self.id);
      folders_.sweep(host.id, ids);
    }
    if (!status_.up) {
      status_.up = true;
      log_info("following the Docker Engine",
               {field("engine", status_.version.engine), field("api", status_.version.negotiated),
                field("at", docker_.where().to_string()), field("spaces", known_.all().size())});
    }
    children.start(relist_now_and_then(children));
    children.start(read_events(*stream, children));
  };
  co_await with_nursery(body);
}

task<> follower::read_events(engine::event_stream& stream, nursery& refreshing) {
  for (;;) take(co_await stream.next(), refreshing);
}

void follower::take(const engine::engine_event& event, nursery& refreshing) {
  last_event_ =
      time_point(std::chrono::duration_cast<time_point::duration>(std::chrono::nanoseconds(event.time_ns)));
  if (event.action.starts_with("exec_")) {
    on_exec_(event);
    return;
  }
  const auto s = known_.find_container(event.actor_id);
  if (!s || s->state == space_state::creating)
    return; // what befalls a space that is being made, its maker sees
  if (event.action == "destroy") {
    operations_.forget(s);
    return;
  }
  const auto implied = implied_state(event.action);
  // Late news of what we did ourselves agrees with what we know; anything else is worth a question.
  if (implied && *implied != s->state) refreshing.start(refresh(s));
}

task<> follower::refresh(space_ptr s) {
  try {
    co_await operations_.refresh(s);
  } catch (const error& e) {
    log_warning("a space could not be looked at", {field("space", s->self.name), field("reason", e.what())});
  }
}

task<> follower::relist_now_and_then(nursery& refreshing) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  for (;;) {
    timer.expires_after(operations_.rules().relist_every);
    co_await timer.async_wait(asio::use_awaitable);
    co_await relist(refreshing);
  }
}

task<> follower::relist(nursery& refreshing) {
  const auto listed = co_await docker_.list_containers(instance_label(operations_.rules().instance));
  std::set<std::string_view> there;
  for (const auto& container : listed) {
    there.insert(container.id);
    const auto s = known_.find_container(container.id);
    if (!s)
      operations_.adopt(container);
    else if (s->state != to_space_state(container.state))
      refreshing.start(refresh(s));
  }
  for (const auto& [name, s] : known_.all())
    if (!s->container.empty() && !there.contains(s->container)) refreshing.start(refresh(s));
}

} // namespace clawdspace::spaces
