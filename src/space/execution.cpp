#include <clawdspace/core/log.hpp>
#include <clawdspace/core/random.hpp>
#include <clawdspace/space/execution.hpp>

#include <boost/json.hpp>

#include <array>
#include <vector>

namespace clawdspace::spaces {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t input_buffer = std::size_t{64} << 10;
constexpr auto last_words = 2s; // from the end of a tree to the end of its outputs; then they are let go

void publish(event_hub& events, std::string_view type, boost::json::object about) {
  about["time"] = to_rfc3339(std::chrono::system_clock::now());
  events.publish(type, boost::json::serialize(about));
}

} // namespace

execution::execution(const asio::any_io_executor& executor, lifecycle& operations, command_backend& backend,
                     event_hub& events, space_ptr where, request what)
    : executor_(executor), operations_(operations), backend_(backend), events_(events),
      space_(std::move(where)), spec_(std::move(what.command)), timeout_(what.timeout),
      kill_answered_(executor) {
  spec_.id = random_hex(10);
}

task<> execution::start() {
  lease_ = co_await operations_.wake(space_);
  began_ = std::chrono::steady_clock::now();
  command_ = co_await backend_.start(space_, spec_);
  ++space_->commands;
  publish(events_, "exec.started", {{"space", space_->self.name}, {"exec", spec_.id}});
}

task<ending> execution::run(output_sink& output, input_source* input, task<> caller_left) {
  const auto carry = [&](nursery& children) -> task<> {
    children.start(carry_output(output, children));
    if (input != nullptr) children.start(carry_input(*input));
    if (timeout_) children.start(watch_time());
    children.start(watch_caller(std::move(caller_left)));
    co_return;
  };
  std::exception_ptr failure;
  try {
    co_await with_nursery(carry);
  } catch (...) {
    failure = std::current_exception();
  }
  co_await asio::this_coro::throw_if_cancelled(false); // whatever happened, the command is seen to its end
  if (failure) co_await see_off();
  const auto told = co_await conclude();
  co_await asio::this_coro::throw_if_cancelled(true);
  if (failure) std::rethrow_exception(failure);
  co_return told;
}

task<> execution::carry_output(output_sink& output, nursery& siblings) {
  co_await output.begin();
  for (;;) {
    const auto piece = co_await command_->read();
    if (piece.is_end()) break;
    co_await output.take(piece);
  }
  co_await output_ended(siblings);
}

// Nobody listens any more: the outputs are still read, or a full pipe would hold up the end.
task<> execution::discard_output(nursery& siblings) {
  while (!(co_await command_->read()).is_end()) {
  }
  co_await output_ended(siblings);
}

// A tree that is being ended is gone when its subreaper says so, or else when the kill has answered.
task<> execution::output_ended(nursery& siblings) {
  if (cause_ != end_cause::none && !(co_await command_->end()).tree_gone) co_await kill_answered_.wait();
  siblings.cancel();
}

task<> execution::see_off() {
  const auto body = [&](nursery& children) -> task<> {
    children.start(discard_output(children));
    if (cause_ == end_cause::none || !kill_answered_.is_set()) children.start(end_tree(end_cause::canceled));
    co_return;
  };
  std::exception_ptr failure;
  try {
    co_await with_nursery(body);
  } catch (...) {
    failure = std::current_exception();
  }
  co_await asio::this_coro::throw_if_cancelled(false);
  if (failure)
    log_error(
        "the end of a command was not seen",
        {field("space", space_->self.name), field("exec", spec_.id), field("reason", describe(failure))});
}

task<> execution::carry_input(input_source& input) {
  std::vector<std::byte> buffer(input_buffer);
  for (;;) {
    const auto n = co_await input.read_some(buffer);
    if (n == 0) break;
    try {
      co_await command_->write_input(std::span(buffer).first(n));
    } catch (const error& e) {
      if (e.code() != errc::engine_failed) throw;
      co_return; // the command no longer reads: what it says about that comes with its output
    }
  }
  co_await command_->close_input();
}

task<> execution::watch_time() {
  std::chrono::steady_clock::duration left = *timeout_;
  while (left > left.zero()) {
    const auto seen = space_->changed.value();
    if (space_->state == space_state::paused) {
      co_await space_->changed.wait_past(seen);
      continue;
    }
    const auto from = std::chrono::steady_clock::now();
    asio::steady_timer timer{executor_, left};
    co_await first_of(timer.async_wait(asio::use_awaitable), space_->changed.wait_past(seen));
    left -= std::chrono::steady_clock::now() - from;
  }
  co_await end_tree(end_cause::timed_out);
}

task<> execution::watch_caller(task<> caller_left) {
  co_await std::move(caller_left);
  throw error(errc::client_left, "the caller has left");
}

task<> execution::end_tree(end_cause cause) {
  cause_ = cause;
  // A frozen process takes no signal: its space is thawed for that, and frozen again if nothing else wants
  // it.
  was_asleep_ = space_->state == space_state::paused;
  if (!space_->gone && space_->state != space_state::destroying && space_->state != space_state::stopped) {
    try {
      const auto awake = co_await operations_.wake(space_);
      confirmed_ = co_await command_->end_tree();
    } catch (const error& e) {
      log_warning("a command's tree could not be ended",
                  {field("space", space_->self.name), field("exec", spec_.id), field("reason", e.what())});
      confirmed_ = false;
    }
  }
  kill_answered_.set();
  asio::steady_timer patience{executor_, last_words};
  co_await patience.async_wait(asio::use_awaitable);
  command_->let_go();
}

task<ending> execution::conclude() {
  const bool space_left = space_->gone || space_->state == space_state::destroying ||
                          space_->state == space_state::stopped || space_->falling_asleep;
  const auto end = co_await command_->end();
  auto told = judge(end, cause_, space_left);
  if (cause_ != end_cause::none) told.confirmed = end.tree_gone || confirmed_.value_or(false) || space_left;
  told.duration = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began_);
  co_await command_->close();
  command_.reset();
  lease_ = {};
  --space_->commands;
  boost::json::object about{
      {"space", space_->self.name}, {"exec", spec_.id}, {"outcome", to_string(told.outcome)}};
  about["exitCode"] = told.exit_code ? boost::json::value(*told.exit_code) : boost::json::value(nullptr);
  publish(events_, "exec.ended", std::move(about));
  if (was_asleep_) {
    try {
      co_await operations_.put_to_sleep(space_, sleep_depth::paused);
    } catch (const error& e) {
      log_warning("a space could not be frozen again",
                  {field("space", space_->self.name), field("reason", e.what())});
    }
  }
  co_return told;
}

} // namespace clawdspace::spaces
