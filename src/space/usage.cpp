#include <clawdspace/core/log.hpp>
#include <clawdspace/space/usage.hpp>

#include <asio/post.hpp>

#include <algorithm>

namespace clawdspace::spaces {

using namespace std::chrono_literals;

namespace {

constexpr auto period = 2s;
constexpr auto first_step = 500ms;  // who has just come sees no rate before the second reading
constexpr std::size_t at_once = 16; // spaces, then others have their turn on the loop

using seconds_as_double = std::chrono::duration<double>;

double rate(std::uint64_t from, std::uint64_t to, double seconds) {
  return to < from ? 0 : static_cast<double>(to - from) / seconds;
}

std::optional<double> rate(const std::optional<std::uint64_t>& from, const std::optional<std::uint64_t>& to,
                           double seconds) {
  if (!from || !to) return std::nullopt;
  return rate(*from, *to, seconds);
}

} // namespace

void usage_record::add(time_point when, const usage_reading& now) {
  if (last_ &&
      (when <= last_->when || when - last_->when > longest_step || now.cpu_ns < last_->counted.cpu_ns))
    interrupt();
  usage next{.when = when, .counted = now, .cpus = std::nullopt};
  if (last_)
    next.cpus = rate(last_->counted.cpu_ns, now.cpu_ns, seconds_as_double(when - last_->when).count()) / 1e9;
  last_ = next;
  if (!first_) first_ = next;
  if (when - first_->when >= stretch) close_stretch();
}

void usage_record::interrupt() {
  close_stretch();
  last_.reset();
  first_.reset();
}

// What is under way becomes a point, if there are two readings of it; the next begins with the last.
void usage_record::close_stretch() {
  if (!first_ || !last_ || last_->when <= first_->when) return;
  const auto took = seconds_as_double(last_->when - first_->when).count();
  const auto &from = first_->counted, &to = last_->counted;
  points_.push_back({.begin = first_->when,
                     .end = last_->when,
                     .cpus = rate(from.cpu_ns, to.cpu_ns, took) / 1e9,
                     .memory = to.memory,
                     .pids = to.pids,
                     .read_rate = rate(from.read_bytes, to.read_bytes, took),
                     .write_rate = rate(from.written_bytes, to.written_bytes, took),
                     .receive_rate = rate(from.received_bytes, to.received_bytes, took),
                     .send_rate = rate(from.sent_bytes, to.sent_bytes, took)});
  if (points_.size() > capacity) points_.pop_front();
  first_ = last_;
}

void usage_record::drop_before(time_point when) {
  while (!points_.empty() && points_.front().end < when) points_.pop_front();
}

usage_monitor::usage_monitor(const asio::any_io_executor& executor, engine::client& docker, registry& known,
                             clock& time, process_of process)
    : executor_(executor), docker_(docker), known_(known), clock_(time), process_(std::move(process)),
      wanted_(executor), read_(executor) {}

usage_monitor::viewer::~viewer() {
  if (owner_ == nullptr) return;
  const auto found = owner_->viewers_.find(id_);
  if (--found->second == 0) owner_->viewers_.erase(found);
}

usage_monitor::viewer usage_monitor::look_at(const space& s) {
  ++viewers_[s.self.id];
  wanted_.bump();
  return {*this, s.self.id};
}

usage_monitor::viewer usage_monitor::look_at_all() {
  ++viewers_[""];
  wanted_.bump();
  return {*this, ""};
}

const usage_record* usage_monitor::find(const space& s) const {
  const auto found = sources_.find(s.self.id);
  return found == sources_.end() || found->second.container != s.container ? nullptr : &found->second.record;
}

bool usage_monitor::is_wanted(const space& s) const {
  return (s.state == space_state::running || s.state == space_state::paused) &&
         (viewers_.contains("") || viewers_.contains(s.self.id));
}

// Somebody looks at a space of which no rate is known yet.
bool usage_monitor::has_news() const {
  return std::ranges::any_of(known_.all(), [this](const auto& named) {
    if (!is_wanted(*named.second)) return false;
    const auto* record = find(*named.second);
    return record == nullptr || !record->last() || !record->last()->cpus;
  });
}

task<> usage_monitor::run() {
  const auto body = [this](nursery& asking) -> task<> {
    for (;;) {
      const auto seen = wanted_.value();
      if (viewers_.empty()) {
        co_await wanted_.wait_past(seen);
        continue;
      }
      co_await read_all(asking);
      const auto next = std::chrono::steady_clock::now() + (has_news() ? milliseconds(first_step) : period);
      // A new viewer is served at once, but a crowd of them makes no crowd of readings.
      asio::steady_timer rest{executor_, first_step};
      co_await rest.async_wait(asio::use_awaitable);
      co_await wanted_.wait_past(seen, next);
    }
  };
  co_await with_nursery(body);
}

task<> usage_monitor::read_all(nursery& asking) {
  std::vector<space_ptr> all;
  for (const auto& [name, s] : known_.all())
    if (is_wanted(*s)) all.push_back(s);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i % at_once == at_once - 1) co_await asio::post(executor_, asio::use_awaitable);
    read_one(all[i], asking);
  }
  drop_old();
  read_.bump();
}

void usage_monitor::read_one(const space_ptr& s, nursery& asking) {
  if (!is_wanted(*s) || s->gone) return;
  auto& from = sources_[s->self.id];
  if (from.container != s->container) from = {.container = s->container};
  // Looked up each time, for the price of a file: a number may be another's by now.
  if (const auto process = process_(*s); process != 0) from.process = process;
  if (const auto group = cgroup::find(mounts_, from.process, s->container)) {
    if (const auto now = group->read(from.process)) {
      ++readings_;
      from.record.add(clock_.now(), *now);
      return;
    }
  }
  from.process = 0;
  if (from.asking) return;
  from.asking = true;
  asking.start(ask_engine(s));
}

// Where the groups cannot be seen (the Engine is elsewhere), or the process is not known: it may be from here
// on.
task<> usage_monitor::ask_engine(space_ptr s) {
  std::optional<usage_reading> now;
  pid_t process = 0;
  try {
    process = (co_await docker_.inspect_container(s->container)).pid;
    if (const auto group = cgroup::find(mounts_, process, s->container)) now = group->read(process);
    if (!now) {
      const auto seen = co_await docker_.container_stats(s->container);
      now = usage_reading{.cpu_ns = seen.cpu_total_ns,
                          .memory = seen.memory_used,
                          .pids = seen.pids,
                          .read_bytes = std::nullopt,
                          .written_bytes = std::nullopt,
                          .received_bytes = seen.rx_bytes,
                          .sent_bytes = seen.tx_bytes};
    }
  } catch (...) { // it is only looked at: the next round asks again
    if (is_cancellation(std::current_exception())) throw;
    log_debug("what a space uses cannot be read",
              {field("space", s->self.name), field("reason", describe(std::current_exception()))});
  }
  const auto found = sources_.find(s->self.id);
  if (found == sources_.end() || found->second.container != s->container) co_return;
  auto& from = found->second;
  from.asking = false;
  from.process = process;
  if (!now) co_return;
  ++readings_;
  from.record.add(clock_.now(), *now);
}

void usage_monitor::drop_old() {
  const auto oldest = clock_.now() - 1h;
  for (const auto& [name, s] : known_.all())
    if (const auto found = sources_.find(s->self.id); found != sources_.end())
      found->second.record.drop_before(oldest);
  std::erase_if(sources_, [this](const auto& entry) {
    return !entry.second.asking && known_.find_container(entry.second.container) == nullptr;
  });
}

} // namespace clawdspace::spaces
