#include "command_note.hpp"
#include "output_split.hpp"
#include <clawdspace/core/log.hpp>
#include <clawdspace/space/execution.hpp>
#include <clawdspace/space/output_follower.hpp>

#include <boost/json.hpp>

namespace clawdspace::spaces {

namespace {

void publish(event_hub& events, std::string_view type, boost::json::object about) {
  about["time"] = to_rfc3339(std::chrono::system_clock::now());
  events.publish(type, boost::json::serialize(about));
}

} // namespace

execution::execution(const parts& below, record_ptr about, command_spec what,
                     std::function<void(const record_ptr&)> on_end)
    : below_(below), record_(std::move(about)), spec_(std::move(what)), on_end_(std::move(on_end)),
      kill_answered_(below.executor), hung_up_(below.executor), viewers_changed_(below.executor),
      viewers_moved_(below.executor), input_turn_(below.executor), size_turn_(below.executor),
      leaving_(below.executor), no_visitors_(below.executor) {}

task<> execution::start() {
  const auto& where = record_->where;
  lease_ = co_await below_.operations.wake(where);
  began_ = std::chrono::steady_clock::now();
  record_->facts.started = std::chrono::system_clock::now();
  write_note(); // before it can run: a daemon that is killed now finds it again
  command_ = co_await below_.backend.start(where, std::exchange(spec_, {}));
  ++where->commands;
  const auto& facts = record_->facts;
  if (facts.terminal || (facts.detached && !facts.keep_awake)) lease_ = {};
  publish(below_.events, "exec.started", {{"space", where->self.name}, {"exec", id()}});
}

void execution::take_over(std::unique_ptr<running_command> found, milliseconds ran, end_cause cause) {
  const auto& facts = record_->facts;
  began_ = std::chrono::steady_clock::now() - (std::chrono::system_clock::now() - facts.started);
  ran_ = ran;
  cause_ = cause;
  command_ = std::move(found);
  ++record_->where->commands;
  // Without waking it: a space that was put to sleep with its command in it sleeps on.
  if (facts.detached && facts.keep_awake) lease_ = below_.known.take_lease(record_->where);
}

task<ending> execution::run(output_sink& output, input_source* input, caller who,
                            std::optional<channel> only, milliseconds other_waits) {
  if (only) record_->other = std::make_shared<output_split>(below_.executor, output, *only, other_waits);
  const auto split = record_->other;
  auto& sink = split ? *split : output;
  std::optional<output_follower> kept;
  if (record_->output) {
    kept.emplace(below_.known, record_, selection::both, 0);
    add_viewer(*kept);
  }
  const auto carry = [&](nursery& children) -> task<> {
    if (input != nullptr) children.start(carry_input(*input));
    start_watches(children);
    if (who.beside) children.start(who.beside());
    // Last, since the end of the output ends all of them.
    if (kept) {
      children.start(keep_for_forward());
      children.start(forward(*kept, sink, children));
    } else {
      children.start(carry_output(sink, children));
    }
    co_return;
  };
  const auto leaving = who.on_leaving([this] {
    if (children_ != nullptr)
      children_->fail(std::make_exception_ptr(error(errc::client_left, "the caller has left")));
  });
  std::exception_ptr failure;
  try {
    co_await with_nursery(carry);
  } catch (...) {
    failure = std::current_exception();
  }
  children_ = nullptr;
  if (split) split->finish();
  if (kept) remove_viewer(*kept);
  co_await asio::this_coro::throw_if_cancelled(false); // whatever happened, the command is seen to its end
  if (failure) co_await see_off();
  const auto told = co_await conclude();
  co_await asio::this_coro::throw_if_cancelled(true);
  if (failure) std::rethrow_exception(failure);
  co_return told;
}

task<> execution::live() {
  const auto self = shared_from_this();
  const auto carry = [&](nursery& children) -> task<> {
    start_watches(children);
    if (record_->facts.terminal) children.start(watch_viewers());
    children.start(keep_output(children)); // last, since its end ends all of them
    co_return;
  };
  std::exception_ptr failure;
  try {
    co_await with_nursery(carry);
  } catch (...) {
    failure = std::current_exception();
  }
  children_ = nullptr;
  const bool closing =
      (co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none;
  co_await asio::this_coro::throw_if_cancelled(false);
  if (closing) {
    co_await let_go(); // it goes on without us
    co_return;
  }
  if (failure) {
    log_warning("a command could not be followed", {field("space", record_->where->self.name),
                                                    field("exec", id()), field("reason", describe(failure))});
    co_await see_off();
  }
  co_await conclude();
}

task<> execution::see_off() {
  const auto body = [&](nursery& children) -> task<> {
    if (cause_ == end_cause::none || !kill_answered_.is_set()) children.start(end_tree(end_cause::canceled));
    children.start(discard_output(children)); // last, since its end ends both
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
    log_error("the end of a command was not seen", {field("space", record_->where->self.name),
                                                    field("exec", id()), field("reason", describe(failure))});
}

// Whoever still asks something of the command is told that it is over.
task<> execution::let_go() {
  write_note();
  leaving_.set();
  while (visitors_ > 0) {
    no_visitors_.reset();
    co_await no_visitors_.wait();
  }
  co_await command_->close();
  command_.reset();
  lease_ = {};
  --record_->where->commands;
}

task<ending> execution::conclude() {
  const auto& where = record_->where;
  const bool space_left = where->gone || where->state == space_state::destroying ||
                          where->state == space_state::stopped || where->falling_asleep;
  process_end end;
  try {
    end = co_await command_->end();
  } catch (const error& e) {
    end.reason = e.what();
  }
  auto told = judge(end, cause_, space_left, killed_by_us_);
  if (cause_ != end_cause::none) told.confirmed = end.tree_gone || confirmed_.value_or(false) || space_left;
  told.duration = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began_);
  record_->end = told;
  record_->ended = std::chrono::system_clock::now();
  co_await let_go();

  record_->changed.bump();
  record_->output_grew.bump();
  on_end_(record_);
  boost::json::object about{
      {"space", where->self.name}, {"exec", id()}, {"outcome", to_string(told.outcome)}};
  about["exitCode"] = told.exit_code ? boost::json::value(*told.exit_code) : boost::json::value(nullptr);
  publish(below_.events, "exec.ended", std::move(about));
  if (was_asleep_) {
    try {
      co_await below_.operations.put_to_sleep(where, sleep_depth::paused);
    } catch (const error& e) {
      log_warning("a space could not be frozen again",
                  {field("space", where->self.name), field("reason", e.what())});
    }
  }
  co_return told;
}

milliseconds execution::ran() const {
  auto time = ran_;
  if (ticking_since_) time += std::chrono::steady_clock::now() - *ticking_since_;
  return std::chrono::duration_cast<milliseconds>(time);
}

void execution::write_note() {
  if (!record_->output || !record_->facts.outlives()) return;
  record_->output->set_note(to_text({.facts = record_->facts,
                                     .ran = ran(),
                                     .written = std::chrono::system_clock::now(),
                                     .frozen = record_->where->state == space_state::paused,
                                     .cause = cause_,
                                     .end = record_->end,
                                     .ended = record_->ended}));
}

} // namespace clawdspace::spaces
