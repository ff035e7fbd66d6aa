#include "output_split.hpp"

#include <utility>

namespace clawdspace::spaces {

namespace {

constexpr std::size_t room = std::size_t{64} << 10; // beyond it by at most one piece

} // namespace

output_split::output_split(const asio::any_io_executor& executor, output_sink& main, channel wanted,
                           milliseconds patience)
    : executor_(executor), main_(&main), wanted_(wanted),
      deadline_(std::chrono::steady_clock::now() + patience), changed_(executor) {}

bool output_split::is_too_late() const { return !taken_ && std::chrono::steady_clock::now() >= deadline_; }

task<> output_split::begin() { return main_->begin(); }

task<> output_split::take(output_piece piece) {
  if (piece.from == wanted_) {
    co_await main_->take(piece);
    co_return;
  }
  co_await wait_for_room();
  if (dropping_) co_return;
  buffer_.insert(buffer_.end(), piece.data.begin(), piece.data.end());
  changed_.bump();
}

task<> output_split::wait_for_room() {
  for (;;) {
    const auto seen = changed_.value();
    if (is_too_late()) dropping_ = true;
    if (dropping_) buffer_ = {};
    if (dropping_ || buffer_.size() < room) co_return;
    if (taken_) {
      co_await changed_.wait_past(seen);
    } else {
      asio::steady_timer timer{executor_, deadline_};
      co_await first_of(timer.async_wait(asio::use_awaitable), changed_.wait_past(seen));
    }
  }
}

void output_split::finish() {
  over_ = true;
  main_ = nullptr;
  changed_.bump();
}

task<bool> output_split::follow(channel which, output_sink& output) {
  if (which == wanted_ || taken_ || dropping_ || is_too_late()) co_return false;
  taken_ = true;
  struct leaver {
    output_split& split;
    ~leaver() {
      split.dropping_ = true;
      split.buffer_ = {};
      split.changed_.bump();
    }
  } const leaving{*this};
  co_await output.begin();
  for (;;) {
    const auto seen = changed_.value();
    if (!buffer_.empty()) {
      const auto data = std::exchange(buffer_, {});
      changed_.bump();
      co_await output.take({.from = which, .data = data});
      continue;
    }
    if (over_) co_return true;
    co_await changed_.wait_past(seen);
  }
}

} // namespace clawdspace::spaces
