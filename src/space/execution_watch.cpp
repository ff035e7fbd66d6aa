#include <clawdspace/core/log.hpp>
#include <clawdspace/space/execution.hpp>

#include <algorithm>

namespace clawdspace::spaces {

using namespace std::chrono_literals;

namespace {

constexpr auto last_words = 2s; // from the end of a tree to the end of its outputs; then they are let go
constexpr milliseconds first_look = 10s; // from a terminal's start, or the daemon's, to its first viewer
constexpr auto hang_up_grace = 5s;       // from a hang-up to the end of the tree

bool has_left(const space& s) {
  return s.gone || s.state == space_state::destroying || s.state == space_state::stopped;
}

} // namespace

void execution::start_watches(nursery& children) {
  children_ = &children;
  if (record_->facts.timeout) children.start(watch_time());
  if (ordered_ || cause_ != end_cause::none) children.start(end_tree(end_cause::canceled));
  if (record_->where->gone || record_->where->state == space_state::stopped) space_left();
}

void execution::order_end() {
  if (std::exchange(ordered_, true) || children_ == nullptr) return;
  children_->start(end_tree(end_cause::canceled));
}

// A backend tells the end itself; one that never does must not keep a command of a space that is gone.
void execution::space_left() {
  if (children_ == nullptr || std::exchange(space_left_, true)) return;
  release_pace();
  children_->start(let_go_soon());
}

task<> execution::let_go_soon() {
  asio::steady_timer patience{below_.executor, last_words};
  co_await patience.async_wait(asio::use_awaitable);
  command_->let_go();
}

task<> execution::watch_time() {
  auto& of = *record_->where;
  const std::chrono::steady_clock::duration limit = *record_->facts.timeout;
  while (ran_ < limit) {
    const auto seen = of.changed.value();
    write_note();
    if (of.state == space_state::paused) {
      co_await of.changed.wait_past(seen);
      continue;
    }
    const auto from = std::chrono::steady_clock::now();
    ticking_since_ = from;
    asio::steady_timer timer{below_.executor, limit - ran_};
    co_await first_of(timer.async_wait(asio::use_awaitable), of.changed.wait_past(seen));
    ticking_since_.reset();
    ran_ += std::chrono::steady_clock::now() - from;
  }
  co_await end_tree(end_cause::timed_out);
}

// A terminal that nobody looks at is hung up after a while; one that is hung up gets time to end by itself.
task<> execution::watch_viewers() {
  while (!hung_up_.is_set()) {
    const auto seen = viewers_changed_.value();
    if (viewers_.empty() && record_->facts.linger)
      co_await first_of(linger(), first_of(viewers_changed_.wait_past(seen), hung_up_.wait()));
    else
      co_await first_of(viewers_changed_.wait_past(seen), hung_up_.wait());
  }
  asio::steady_timer grace{below_.executor, hang_up_grace};
  co_await grace.async_wait(asio::use_awaitable);
  co_await end_tree(end_cause::canceled);
}

task<> execution::linger() {
  const auto time = *record_->facts.linger;
  asio::steady_timer timer{below_.executor, was_viewed_ ? time : std::max(time, first_look)};
  co_await timer.async_wait(asio::use_awaitable);
  // Nothing runs in a frozen space, and this is no reason to wake it.
  auto& of = *record_->where;
  while (of.state == space_state::paused) co_await of.changed.wait_past(of.changed.value());
  std::string reason;
  try {
    co_await hang_up();
    co_return;
  } catch (const error& e) {
    reason = e.what();
  }
  log_debug("a terminal could not be hung up: its tree is ended",
            {field("space", of.self.name), field("exec", id()), field("reason", reason)});
  co_await end_tree(end_cause::canceled);
}

task<> execution::end_tree(end_cause cause) {
  if (ending_tree_) co_return;
  struct scope {
    bool& flag;
    explicit scope(bool& f) : flag(f) { flag = true; }
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
    ~scope() { flag = false; }
  } const doing(ending_tree_);
  if (cause_ == end_cause::none) cause_ = cause;
  write_note();
  release_pace();
  const auto& where = record_->where;
  // A frozen process takes no signal: its space is thawed for that, and frozen again if nothing else wants
  // it.
  was_asleep_ = where->state == space_state::paused;
  if (!has_left(*where)) {
    try {
      const auto awake = co_await below_.operations.wake(where);
      confirmed_ = co_await command_->end_tree();
    } catch (const error& e) {
      log_warning("a command's tree could not be ended",
                  {field("space", where->self.name), field("exec", id()), field("reason", e.what())});
      confirmed_ = false;
    }
  }
  kill_answered_.set();
  co_await let_go_soon();
}

} // namespace clawdspace::spaces
