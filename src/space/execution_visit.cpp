#include <clawdspace/space/execution.hpp>

#include <fmt/format.h>

#include <csignal>
#include <utility>

namespace clawdspace::spaces {

namespace {

/// Counts who is at work on a command, so that it is not taken from under them.
class visitor {
 public:
  visitor(int& count, event& none) : count_(count), none_(none) { ++count_; }
  visitor(const visitor&) = delete;
  visitor& operator=(const visitor&) = delete;
  ~visitor() {
    if (--count_ == 0) none_.set();
  }

 private:
  int& count_;
  event& none_;
};

task<> note_done(task<> errand, bool& done) {
  co_await std::move(errand);
  done = true;
}

} // namespace

void execution::must_run() const {
  if (record_->end || leaving_.is_set() || !command_)
    throw error(errc::conflict, fmt::format("{} has ended", id()));
  const auto& of = *record_->where;
  if (of.gone || of.state == space_state::stopped || of.state == space_state::destroying)
    throw error(errc::conflict, fmt::format("{} has ended with its space", id()));
}

void execution::must_take_input() const {
  if (!record_->facts.input)
    throw error(errc::conflict,
                fmt::format("{} was started without an input: ask for `openStdin` when it is started", id()));
  if (!command_->input_open()) throw error(errc::conflict, fmt::format("{} has closed its input", id()));
}

// What a stopped space would be started for has ended with it.
task<> execution::wake() {
  must_run();
  const auto awake = co_await below_.operations.wake(record_->where);
  must_run();
}

// `errand` makes the call once the command is known to be there; it is cancelled when the command ends.
template <class Errand> task<> execution::visit(Errand errand) {
  must_run();
  const visitor one(visitors_, no_visitors_);
  bool done = false;
  co_await first_of(note_done(errand(*command_), done), leaving_.wait());
  if (!done) throw error(errc::conflict, fmt::format("{} has ended", id()));
}

task<bool> execution::program_runs() {
  bool runs = false;
  const auto ask = [&](running_command& command) -> task<> { runs = co_await command.started(); };
  co_await visit(ask);
  co_return runs;
}

task<> execution::write_input(std::span<const std::byte> data) {
  const auto turn = co_await input_turn_.enter();
  must_run();
  must_take_input();
  co_await wake();
  const auto write = [&](running_command& command) -> task<> { return command.write_input(data); };
  co_await visit(write);
  below_.known.touch(record_->where);
}

task<> execution::close_input() {
  const auto turn = co_await input_turn_.enter();
  must_run();
  must_take_input();
  co_await wake();
  const auto close = [](running_command& command) -> task<> { return command.close_input(); };
  co_await visit(close);
}

task<> execution::signal(int number, bool tree) {
  co_await wake();
  const auto send = [&](running_command& command) -> task<> { return command.signal(number, tree); };
  killed_by_us_ = killed_by_us_ || number == SIGKILL; // before it can be seen to have ended
  co_await visit(send);
}

task<> execution::resize(int rows, int columns) {
  if (!record_->facts.tty) throw error(errc::conflict, fmt::format("{} has no terminal", id()));
  const auto turn = co_await size_turn_.enter();
  co_await wake();
  const auto set = [&](running_command& command) -> task<> { return command.resize(rows, columns); };
  co_await visit(set);
  record_->facts.rows = rows;
  record_->facts.columns = columns;
  write_note();
  record_->changed.bump();
}

task<> execution::hang_up() {
  if (!record_->facts.tty) throw error(errc::conflict, fmt::format("{} has no terminal", id()));
  co_await wake();
  const auto close = [](running_command& command) -> task<> { return command.hang_up(); };
  release_pace();
  co_await visit(close);
  hung_up_.set();
}

// Returns when its ending is known.
task<> execution::end() {
  const auto self = shared_from_this();
  order_end();
  while (!record_->end) co_await record_->changed.wait_past(record_->changed.value());
}

} // namespace clawdspace::spaces
