#include <clawdspace/core/log.hpp>
#include <clawdspace/space/execution.hpp>
#include <clawdspace/space/output_follower.hpp>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <unistd.h>
#include <vector>

namespace clawdspace::spaces {

namespace {

constexpr std::size_t input_buffer = std::size_t{64} << 10;

// What is read at once into a history, and how far the first viewer may be behind: together well within it.
std::size_t portion(const history& of) { return std::min(std::size_t{64} << 10, of.capacity() / 4); }

} // namespace

task<> execution::carry_output(output_sink& output, nursery& siblings) {
  co_await output.begin();
  for (;;) {
    const auto piece = co_await command_->read(output.takes_pipes());
    if (piece.is_end()) break;
    count_output(piece.from, piece.size());
    co_await output.take(piece);
  }
  co_await output_ended(siblings);
}

task<> execution::carry_input(input_source& input) {
  std::vector<std::byte> buffer(input_buffer);
  for (;;) {
    const auto n = co_await input.read_some(buffer);
    if (n == 0) break;
    co_await wake_for_input();
    const auto turn = co_await input_turn_.enter();
    try {
      co_await command_->write_input(std::span(buffer).first(n));
    } catch (const error& e) {
      if (e.code() != errc::engine_failed) throw;
      co_return; // the command no longer reads: what it says about that comes with its output
    }
  }
  const auto turn = co_await input_turn_.enter();
  co_await command_->close_input();
}

// A space that cannot be woken keeps the bytes in the command's pipe.
task<> execution::wake_for_input() {
  if (record_->where->state != space_state::paused) co_return;
  try {
    const auto awake = co_await below_.operations.wake(record_->where);
  } catch (const error& e) {
    log_debug("a space could not be woken for input",
              {field("space", record_->where->self.name), field("reason", e.what())});
  }
}

// --- with a history ---

task<> execution::keep_output(nursery& siblings) {
  co_await keep_all();
  co_await output_ended(siblings);
}

task<> execution::keep_for_forward() {
  co_await keep_all();
  output_over_ = true;
  record_->output_grew.bump();
}

task<> execution::forward(output_follower& from, output_sink& output, nursery& siblings) {
  co_await output.begin();
  for (;;) {
    const auto seen = record_->output_grew.value();
    const auto got = from.try_next();
    viewer_moved();
    if (got && got->what == followed::kind::output) {
      co_await output.take({.from = got->from, .data = got->data});
    } else if (!got) {
      if (output_over_) break;
      co_await record_->output_grew.wait_past(seen);
    }
  }
  co_await output_ended(siblings);
}

// Nobody listens any more: the outputs are still read, or a full pipe would hold up the end.
task<> execution::discard_output(nursery& siblings) {
  release_pace();
  co_await keep_all();
  co_await output_ended(siblings);
}

// A tree that is being ended is gone when its subreaper says so, or else when the kill has answered.
task<> execution::output_ended(nursery& siblings) {
  if (cause_ != end_cause::none && !(co_await command_->end()).tree_gone) co_await kill_answered_.wait();
  siblings.cancel();
}

task<> execution::keep_all() {
  for (;;) {
    co_await wait_for_pace();
    const auto piece = co_await command_->read(record_->output != nullptr);
    if (piece.is_end()) co_return;
    if (record_->output)
      co_await keep(piece);
    else
      count_output(piece.from, piece.size());
  }
}

task<> execution::keep(output_piece piece) {
  auto& into = *record_->output;
  if (piece.pipe < 0) {
    for (auto data = piece.data; !data.empty();) {
      std::exception_ptr failure;
      try {
        co_await wait_for_pace();
      } catch (...) {
        failure = std::current_exception();
      }
      // What has been read is not lost when we go: the next daemon finds it here, and nowhere else.
      const auto now = failure ? data : data.first(std::min(portion(into), data.size()));
      into.append(piece.from, now);
      count_output(piece.from, now.size());
      if (failure) std::rethrow_exception(failure);
      data = data.subspan(now.size());
    }
    co_return;
  }
  for (auto left = piece.ready; left > 0;) {
    co_await wait_for_pace();
    const auto room = into.begin(piece.from, std::min(left, portion(into)));
    const auto n = ::read(piece.pipe, room.data(), room.size());
    const int reason = errno;
    into.commit(n > 0 ? static_cast<std::size_t>(n) : 0);
    if (n < 0 && reason == EINTR) continue;
    if (n <= 0) co_return; // a terminal that was closed: the next read tells
    count_output(piece.from, static_cast<std::size_t>(n));
    left -= static_cast<std::size_t>(n);
  }
}

void execution::count_output(channel from, std::size_t size) {
  record_->bytes[from == channel::out ? 0 : 1] += size;
  record_->output_grew.bump();
}

// --- the first viewer's pace ---

task<> execution::wait_for_pace() {
  while (!unpaced_ && !viewers_.empty() && viewers_.front()->behind() >= portion(*record_->output))
    co_await viewers_moved_.wait_past(viewers_moved_.value());
}

void execution::release_pace() {
  unpaced_ = true;
  viewers_moved_.bump();
}

void execution::add_viewer(const output_follower& one) {
  was_viewed_ = true;
  viewers_.push_back(&one);
  viewers_changed_.bump();
}

void execution::remove_viewer(const output_follower& one) {
  if (std::erase(viewers_, &one) == 0) return;
  viewers_changed_.bump();
  viewers_moved_.bump();
}

bool execution::is_first(const output_follower& one) const {
  return !viewers_.empty() && viewers_.front() == &one;
}

} // namespace clawdspace::spaces
