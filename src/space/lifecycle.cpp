#include <clawdspace/core/log.hpp>
#include <clawdspace/core/random.hpp>
#include <clawdspace/space/labels.hpp>
#include <clawdspace/space/lifecycle.hpp>

#include <fmt/format.h>

#include <utility>

namespace clawdspace::spaces {

using namespace std::chrono_literals;

namespace {

/// How long destroy waits for its turn: an operation that hangs in the Engine must not make a space
/// indestructible.
constexpr auto destroy_patience = 10s;

void refuse_if_leaving(const space& s) {
  if (s.gone)
    throw error(errc::space_not_found, fmt::format("there is no space \"{}\" any more", s.self.name));
  if (s.state == space_state::destroying)
    throw error(errc::conflict, fmt::format("the space \"{}\" is being destroyed", s.self.name));
}

/// Says while it lives that a running space is about to stop running.
class falling_asleep {
 public:
  explicit falling_asleep(space& s) : space_(s) { space_.falling_asleep = true; }
  falling_asleep(const falling_asleep&) = delete;
  falling_asleep& operator=(const falling_asleep&) = delete;
  ~falling_asleep() { space_.falling_asleep = false; }

 private:
  space& space_;
};

} // namespace

struct lifecycle::pending {
  explicit pending(const asio::any_io_executor& executor) : done(executor) {}
  event done;
  std::exception_ptr failure;
};

lifecycle::lifecycle(const asio::any_io_executor& executor, engine::client& docker, registry& known,
                     folders& state, clock& time, const policy& rules)
    : executor_(executor), docker_(docker), known_(known), folders_(state), clock_(time), rules_(rules),
      operations_(executor) {}

task<> lifecycle::run_to_its_end(std::shared_ptr<pending> about, task<> operation) {
  try {
    co_await std::move(operation);
  } catch (...) {
    about->failure = std::current_exception();
  }
  about->done.set();
}

std::shared_ptr<lifecycle::pending> lifecycle::begin(task<> operation) {
  auto about = std::make_shared<pending>(executor_);
  operations_.start(run_to_its_end(about, std::move(operation)));
  return about;
}

task<> lifecycle::wait_for(std::shared_ptr<pending> operation) {
  co_await operation->done.wait();
  if (operation->failure) std::rethrow_exception(operation->failure);
}

task<> lifecycle::to_its_end(task<> operation) { co_await wait_for(begin(std::move(operation))); }

task<> lifecycle::close(milliseconds patience) {
  try {
    co_await with_deadline(patience, operations_.join());
    co_return;
  } catch (const std::system_error& e) {
    if (!is_timeout(e)) throw;
  }
  log_warning("operations on spaces did not end in time and are cancelled",
              {field("count", operations_.size())});
  operations_.cancel();
  co_await operations_.join();
}

// --- wake, sleep ---

task<lease> lifecycle::wake(space_ptr s) {
  auto held = known_.take_lease(s);
  if (s->state != space_state::running || s->falling_asleep) co_await to_its_end(do_wake(s));
  co_return held;
}

task<> lifecycle::do_wake(space_ptr s) {
  const auto turn = co_await s->turn.enter();
  refuse_if_leaving(*s);
  if (s->state == space_state::paused)
    co_await thaw(s);
  else if (s->state == space_state::stopped)
    co_await start(s);
}

task<> lifecycle::stop(space_ptr s, sleep_depth depth) { co_await to_its_end(do_stop(std::move(s), depth)); }

task<> lifecycle::do_stop(space_ptr s, sleep_depth depth) {
  const auto turn = co_await s->turn.enter();
  refuse_if_leaving(*s);
  if (s->state == space_state::stopped) co_return;
  if (depth == sleep_depth::stopped)
    co_await halt(s);
  else if (s->state == space_state::running)
    co_await freeze(s);
}

task<bool> lifecycle::put_to_sleep(space_ptr s, sleep_depth depth, int also_held) {
  const auto done = std::make_shared<bool>(false);
  co_await to_its_end(do_put_to_sleep(std::move(s), depth, also_held, done));
  co_return *done;
}

task<> lifecycle::do_put_to_sleep(space_ptr s, sleep_depth depth, int also_held, std::shared_ptr<bool> done) {
  const auto turn = co_await s->turn.enter();
  if (s->gone || s->leases > also_held) co_return;
  if (depth == sleep_depth::paused && s->state == space_state::running)
    co_await freeze(s);
  else if (depth == sleep_depth::stopped && s->state == space_state::paused)
    co_await halt(s);
  else
    co_return;
  *done = true;
}

task<> lifecycle::freeze(space_ptr s) {
  const falling_asleep mark(*s);
  try {
    co_await docker_.pause_container(s->container);
  } catch (const engine::engine_error& e) {
    if (e.words().find("already paused") == std::string::npos) throw;
  }
  known_.set_state(s, space_state::paused);
}

task<> lifecycle::thaw(space_ptr s) {
  // Right after a pause the Engine may still say that the container is not paused, and mean it: once more
  // then.
  for (int attempt = 0;; ++attempt) {
    try {
      co_await docker_.unpause_container(s->container);
      break;
    } catch (const engine::engine_error& e) {
      if (e.words().find("is not paused") == std::string::npos) throw;
    }
    const auto seen = co_await docker_.inspect_container(s->container);
    if (!seen.paused && attempt > 0) {
      known_.set_state(s, to_space_state(seen.state));
      if (s->state == space_state::stopped) co_await start(s);
      co_return;
    }
  }
  known_.set_state(s, space_state::running);
}

task<> lifecycle::halt(space_ptr s) {
  if (s->state == space_state::paused) co_await thaw(s); // a frozen process hears no SIGTERM
  const falling_asleep mark(*s);
  co_await docker_.stop_container(s->container, rules_.stop_grace);
  known_.set_state(s, space_state::stopped);
}

void lifecycle::prepare(const space_ptr& s) const {
  folders_.prepare(s->self.id);
  if (before_start_) before_start_(s);
}

task<> lifecycle::start(space_ptr s) {
  prepare(s);
  co_await docker_.start_container(s->container);
  known_.set_state(s, space_state::running);
}

// --- destroy ---

task<> lifecycle::destroy(space_ptr s) {
  if (s->gone)
    throw error(errc::space_not_found, fmt::format("there is no space \"{}\" any more", s->self.name));
  auto& joined = destroying_[s->self.id];
  if (!joined) joined = begin(do_destroy(s));
  co_await wait_for(joined);
}

task<> lifecycle::do_destroy(space_ptr s) {
  const auto before = s->state;
  known_.set_state(s, space_state::destroying);
  std::exception_ptr failure;
  try {
    gate::pass turn;
    try {
      turn = co_await with_deadline(destroy_patience, s->turn.enter());
    } catch (const std::system_error& e) {
      if (!is_timeout(e)) throw;
      log_warning("destroying a space beside an operation that hangs", {field("space", s->self.name)});
    }
    if (!s->gone) {
      if (!s->container.empty()) co_await docker_.remove_container(s->container);
      folders_.remove(s->self.id);
      known_.remove(s);
    }
  } catch (...) {
    failure = std::current_exception();
  }
  destroying_.erase(s->self.id);
  if (!failure) co_return;
  known_.set_state(s, before == space_state::creating ? space_state::stopped : before);
  std::rethrow_exception(failure);
}

// --- what the Engine says ---

task<> lifecycle::refresh(space_ptr s) { co_await to_its_end(do_refresh(std::move(s))); }

task<> lifecycle::do_refresh(space_ptr s) {
  const auto turn = co_await s->turn.enter();
  if (!s->gone && !destroying_.contains(s->self.id)) co_await believe_inspection(s);
}

task<> lifecycle::believe_inspection(space_ptr s) {
  try {
    const auto seen = co_await docker_.inspect_container(s->container);
    known_.set_state(s, seen.paused ? space_state::paused : to_space_state(seen.state));
  } catch (const engine::engine_error& e) {
    if (e.status() != 404) throw;
    forget(s);
  }
}

void lifecycle::forget(const space_ptr& s) {
  if (s->gone) return;
  if (!destroying_.contains(s->self.id))
    log_info("a space's container is gone", {field("space", s->self.name)});
  folders_.remove(s->self.id);
  known_.remove(s);
}

void lifecycle::adopt(const engine::container_summary& found) {
  auto read = from_labels(found);
  if (!read) {
    log_warning("a container carries our label but is not a space's: left alone",
                {field("container", found.name)});
    return;
  }
  if (known_.find(read->self.name)) return; // it is being made
  const auto s = known_.add(std::move(read->self));
  s->limits = read->limits;
  s->settings = std::move(read->settings);
  folders_.read_settings(*s);
  known_.set_container(s, found.id);
  if (found.state == engine::container_state::created) {
    log_info("a space that was never finished is removed", {field("space", s->self.name)});
    destroying_[s->self.id] = begin(do_destroy(s));
    return;
  }
  known_.set_state(s, to_space_state(found.state));
  if (before_start_) before_start_(s);
}

} // namespace clawdspace::spaces
