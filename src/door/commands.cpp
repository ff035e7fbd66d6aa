#include <clawdspace/core/error.hpp>
#include <clawdspace/door/door.hpp>
#include <clawdspace/door/words.hpp>

#include <fmt/format.h>

// What is asked of an init through its door.

namespace clawdspace::door {

namespace {

std::chrono::steady_clock::time_point after(std::chrono::milliseconds limit) {
  return std::chrono::steady_clock::now() + limit;
}

bool is_past(std::chrono::steady_clock::time_point until) {
  return std::chrono::steady_clock::now() >= until;
}

[[noreturn]] void throw_shut() { throw error(errc::overloaded, "the space's door is shut: try again"); }

} // namespace

/// Ends a command whose start was not seen to its end.
class door::unseen {
 public:
  unseen(door& owner, std::string id) : owner_(&owner), id_(std::move(id)) {}
  unseen(const unseen&) = delete;
  unseen& operator=(const unseen&) = delete;
  ~unseen() {
    if (owner_ != nullptr) owner_->end_unseen(id_);
  }
  void seen() noexcept { owner_ = nullptr; }

 private:
  door* owner_;
  std::string id_;
};

task<> door::spawn(std::shared_ptr<followed> what, std::string frame, descriptors with,
                   std::chrono::milliseconds limit) {
  if (!open_) throw_shut();
  const auto through = link_;
  if (!through->send(std::move(frame), std::move(with), link::weight::command)) throw_shut();
  unseen unless_seen(*this, what->id);
  forget_pending();
  const auto until = after(limit);
  for (;;) {
    const auto seen = what->changed.value();
    if (what->pid || what->failure || what->end) { // its subreaper may be killed before it tells of a start
      unless_seen.seen();
      co_return;
    }
    if (!what->lost.empty())
      throw error(errc::conflict, fmt::format("a command was being started when {}", what->lost));
    if (link_ != through)
      throw error(errc::overloaded,
                  "the space's door was lost while a command was being started: it was ended, try again");
    if (is_past(until))
      throw error(errc::engine_timed_out,
                  fmt::format("the space did not answer within {} ms: the command was ended", limit.count()));
    co_await what->changed.wait_past(seen, until);
  }
}

task<std::optional<bool>> door::end(std::shared_ptr<followed> what, std::chrono::milliseconds limit) {
  what->wants_end = true; // and again after a lost connection
  if (open_ && !what->gone) link_->send(to_frame({"end", what->id}), {}, link::weight::control);
  const auto until = after(limit);
  for (;;) {
    const auto seen = what->changed.value();
    if (what->gone || !what->lost.empty() || what->failure || is_past(until)) co_return what->gone;
    co_await what->changed.wait_past(seen, until);
  }
}

task<> door::say(std::string frame, std::chrono::milliseconds limit) {
  const auto until = after(limit);
  for (;;) {
    const auto seen = changed_.value();
    if (open_ && link_->send(frame, {}, link::weight::control)) co_return;
    if (is_past(until)) throw_shut();
    co_await changed_.wait_past(seen, until);
  }
}

task<> door::signal(std::string id, int number, bool tree) {
  auto frame = to_frame({"signal", id, std::to_string(number)});
  if (tree) add_word(frame, "tree");
  co_await say(std::move(frame), patience_.answer);
}

task<> door::resize(std::string id, int rows, int columns) {
  co_await say(to_frame({"resize", id, std::to_string(rows), std::to_string(columns)}), patience_.answer);
}

task<> door::close_input(std::shared_ptr<followed> what) {
  const auto until = after(patience_.answer);
  co_await say(to_frame({"close-input", what->id}), patience_.answer);
  while (!what->input_closed && what->lost.empty() && !is_past(until))
    co_await what->changed.wait_past(what->changed.value(), until);
}

task<> door::hang_up(std::shared_ptr<followed> what) {
  const auto until = after(patience_.answer);
  co_await say(to_frame({"hang-up", what->id}), patience_.answer);
  while (!what->hung_up && what->lost.empty() && !is_past(until))
    co_await what->changed.wait_past(what->changed.value(), until);
}

void door::forget_with_next(const std::string& id) {
  constexpr std::size_t most = 64;
  if (!open_) return;
  to_forget_.push_back(id);
  if (to_forget_.size() >= most) forget_pending();
}

void door::forget_pending() {
  for (const auto& id : std::exchange(to_forget_, {})) forget(id);
}

void door::forget(const std::string& id) {
  if (open_) link_->send(to_frame({"forget", id}), {}, link::weight::control);
}

} // namespace clawdspace::door
