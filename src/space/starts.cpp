#include <clawdspace/space/starts.hpp>

#include <algorithm>

namespace clawdspace::spaces {

using std::chrono::steady_clock;

/// A waiter's place in its space's line.
class starts::place {
 public:
  place(starts& owner, const std::string& space, waiter& who) : owner_(owner), who_(&who) {
    auto& lines = owner_.lines_;
    auto mine = std::ranges::find(lines, space, &line::space);
    if (mine == lines.end()) mine = lines.insert(lines.end(), line{space, {}});
    mine->waiting.push_back(who_);
  }
  place(const place&) = delete;
  place& operator=(const place&) = delete;
  ~place() {
    if (who_->turn.is_set()) return; // left with its turn
    for (auto& one : owner_.lines_) std::erase(one.waiting, who_);
    std::erase_if(owner_.lines_, [](const line& one) { return one.waiting.empty(); });
  }

 private:
  starts& owner_;
  waiter* who_;
};

starts::starts(const asio::any_io_executor& executor, std::size_t width, std::chrono::milliseconds patience)
    : executor_(executor), width_(width), patience_(patience), timer_(executor),
      self_(std::make_shared<starts*>(this)) {}

task<starts::pass> starts::enter(std::string space) {
  if (lines_.empty() && has_room()) co_return give();
  waiter me(executor_);
  const place mine(*this, space, me);
  admit();
  co_await me.turn.wait();
  co_return std::move(me.given);
}

// Whoever has held a pass for long enough has begun.
bool starts::has_room() {
  const auto now = steady_clock::now();
  while (!holders_.empty() && holders_.front().until <= now) holders_.pop_front();
  return holders_.size() < width_;
}

starts::pass starts::give() {
  const auto number = ++last_number_;
  holders_.push_back({number, steady_clock::now() + patience_});
  return {nullptr, [weak = std::weak_ptr(self_), number](void*) {
            if (const auto owner = weak.lock()) (*owner)->let_go(number);
          }};
}

void starts::let_go(std::uint64_t number) {
  if (std::erase_if(holders_, [&](const holder& one) { return one.number == number; }) > 0) admit();
}

void starts::admit() {
  while (!lines_.empty() && has_room()) {
    auto& next = lines_.front();
    auto& who = *next.waiting.front();
    next.waiting.pop_front();
    if (next.waiting.empty())
      lines_.pop_front();
    else
      lines_.splice(lines_.end(), lines_, lines_.begin());
    who.given = give();
    who.turn.set();
  }
  watch();
}

// One timer for all, and only while somebody waits.
void starts::watch() {
  if (watching_ || lines_.empty()) return;
  watching_ = true;
  timer_.expires_at(holders_.front().until);
  timer_.async_wait([weak = std::weak_ptr(self_)](const asio::error_code&) {
    const auto owner = weak.lock();
    if (!owner) return; // it may have gone when this was under way already
    (*owner)->watching_ = false;
    (*owner)->admit();
  });
}

} // namespace clawdspace::spaces
