#include "greeting.hpp"
#include <clawdspace/core/error.hpp>
#include <clawdspace/core/log.hpp>
#include <clawdspace/door/protocol.hpp>
#include <clawdspace/door/words.hpp>

#include <asio/post.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

// What comes in through a door.

namespace clawdspace::door {

namespace {

constexpr int frames_a_turn = 64;
constexpr double most_talk = 20'000; // frames that say nothing, at once
constexpr double talk_a_second = 2'000;
constexpr std::size_t most_unseen = 4096;

} // namespace

task<> door::serve(std::shared_ptr<link> with) {
  const auto by = std::chrono::steady_clock::now() + patience_.greeting;
  greeting_ = std::make_shared<greeting>();
  const auto greet_in_time = [](door& self, std::shared_ptr<greeting> mine, auto until) -> task<> {
    asio::steady_timer timer{self.executor_, until};
    co_await timer.async_wait(asio::use_awaitable);
    if (self.greeting_ == mine) self.accuse("it did not finish its greeting");
  };
  nursery clock(executor_);
  clock.start(greet_in_time(*this, greeting_, by));
  std::exception_ptr failure;
  try {
    while (link_ == with && with->is_open()) {
      if (open_) clock.cancel();
      if (take_what_came(with))
        co_await asio::post(executor_, asio::use_awaitable); // others have their turn
      else if (link_ == with)
        co_await with->readable();
    }
  } catch (...) {
    failure = std::current_exception();
  }
  co_await asio::this_coro::throw_if_cancelled(false);
  clock.cancel();
  co_await clock.join();
  co_await asio::this_coro::throw_if_cancelled(true);
  if (link_ == with) lose_link();
  if (failure) std::rethrow_exception(failure);
}

// Whether there may be more at once.
bool door::take_what_came(const std::shared_ptr<link>& from) {
  char buffer[frame_limit + 1];
  for (int i = 0; i < frames_a_turn; ++i) {
    auto came = receive_now(from->socket(), buffer);
    if (came.size < 0 && errno == EAGAIN) return false;
    if (came.size <= 0) { // the end, or a connection that broke
      lose_link();
      return false;
    }
    if (came.descriptors_cut) {
      log_warning("descriptors from a space were lost on the way: its door is opened anew",
                  {field("door", folder_.string())});
      not_before_ = std::chrono::steady_clock::now() + patience_.penalty;
      lose_link();
      return false;
    }
    auto said = read_message({buffer, static_cast<std::size_t>(came.size)});
    if (!said || came.cut) {
      accuse(said ? "a frame is too long" : said.error().what());
      return false;
    }
    if (greeting_)
      take_greeting(std::move(*said), came);
    else
      take(std::move(*said), came);
    if (link_ != from || !from->is_open()) return false;
  }
  return true;
}

void door::take_greeting(message said, received& came) {
  auto& now = *greeting_;
  if (auto* const opening = std::get_if<hello>(&said)) {
    if (now.opening) return accuse("it greets twice");
    now.opening = std::move(*opening);
    return;
  }
  if (!now.opening) return accuse("it speaks before it greets");
  if (auto* const told = std::get_if<known_command>(&said)) {
    if (now.commands.size() >= command_limit) return accuse("it has too many commands");
    if (told->descriptors.size() != came.count) return accuse("it sends other descriptors than it says");
    descriptors with;
    for (auto& one : std::span(came.with).first(came.count)) {
      if (is_in_reserve(one.value())) {
        log_warning("too few descriptors are left to take over what a space kept",
                    {field("door", folder_.string())});
        not_before_ = std::chrono::steady_clock::now() + patience_.penalty;
        return lose_link();
      }
      with.push_back(std::move(one));
    }
    now.commands.push_back({std::move(*told), std::move(with)});
    return;
  }
  if (std::holds_alternative<ready>(said)) return greet();
  if (std::holds_alternative<unknown>(said)) {
    if (is_idle_talk()) accuse("it floods its door");
    return;
  }
  accuse("it speaks of commands within its greeting");
}

void door::greet() {
  const auto told = std::exchange(greeting_, {});
  if (life_ != told->opening->life) lose_commands("the space was started anew");
  life_ = told->opening->life;
  version_ = std::min(told->opening->version, door_version);
  if (!link_->send(to_frame({"welcome", std::to_string(version_)}), {}, link::weight::control))
    return lose_link();
  open_ = true;
  std::vector<stranger> strangers;
  for (auto& one : told->commands) {
    const auto id = one.told.id;
    if (to_end_.contains(id)) continue;
    if (const auto mine = find(id)) {
      rejoin(*mine, one.told);
      continue;
    }
    auto what = follow(id);
    rejoin(*what, one.told);
    strangers.push_back({.command = std::move(what),
                         .kinds = one.told.descriptors,
                         .with = std::move(one.with),
                         .runs = !one.told.ended});
  }
  for (const auto& id : to_end_) link_->send(to_frame({"end", id}), {}, link::weight::control);
  for (const auto& [id, one] : followed_)
    if (const auto mine = one.lock(); mine && mine->wants_end && !mine->gone)
      link_->send(to_frame({"end", id}), {}, link::weight::control);
  if (on_strangers_ && !strangers.empty()) on_strangers_(std::move(strangers));
  changed_.bump();
}

void door::rejoin(followed& what, const known_command& told) {
  if (told.pid && !what.pid) what.pid = told.pid;
  if (told.ended) {
    if (!what.pid) what.pid = 0; // nobody needs it any more
    if (!what.end) what.end = told.ended;
    what.beginning.reset();
    if (told.ended->gone && !what.gone) what.gone = told.ended->gone;
  }
  what.changed.bump();
}

void door::take(message said, received& came) {
  const bool moot = std::visit(
      [&]<class What>(What& word) {
        if constexpr (std::is_same_v<What, started>) {
          const auto about = find(word.id);
          if (!about || about->pid) return true;
          if (came.count > 1) return accuse("it sends too many descriptors"), false;
          about->pid = word.pid;
          if (came.count == 1) about->terminal = std::move(came.with[0]);
          about->changed.bump();
          return false;
        } else if constexpr (std::is_same_v<What, failed>) {
          if (to_end_.erase(word.id) != 0) return false;
          const auto about = find(word.id);
          if (!about || about->failure) return true;
          about->failure = std::move(word);
          about->beginning.reset();
          about->changed.bump();
          return false;
        } else if constexpr (std::is_same_v<What, ended>) {
          if (to_end_.contains(word.id)) {
            if (word.how.gone) to_end_.erase(word.id), forget(word.id);
            return false;
          }
          const auto about = find(word.id);
          if (!about || about->end) return true;
          about->end = word.how;
          if (word.how.gone) about->gone = word.how.gone;
          about->beginning.reset();
          about->changed.bump();
          return false;
        } else if constexpr (std::is_same_v<What, gone>) {
          if (to_end_.erase(word.id) != 0) return forget(word.id), false;
          const auto about = find(word.id);
          if (!about || about->gone) return true;
          about->gone = word.confirmed;
          about->changed.bump();
          return false;
        } else if constexpr (std::is_same_v<What, input_closed> || std::is_same_v<What, hung_up>) {
          const auto about = find(word.id);
          bool followed::* const done =
              std::is_same_v<What, hung_up> ? &followed::hung_up : &followed::input_closed;
          if (!about || (*about).*done) return true;
          (*about).*done = true;
          about->changed.bump();
          return false;
        } else if constexpr (std::is_same_v<What, unknown>) {
          return true;
        } else {
          return accuse("it greets again"), false;
        }
      },
      said);
  if (moot && is_idle_talk()) accuse("it floods its door");
}

// Whether there is more of what says nothing than late news of forgotten commands can be.
bool door::is_idle_talk() {
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(now - talk_at_).count();
  talk_at_ = now;
  talk_ = std::max(0.0, talk_ - seconds * talk_a_second) + 1;
  return talk_ > most_talk;
}

std::shared_ptr<followed> door::find(const std::string& id) const {
  const auto found = followed_.find(id);
  return found == followed_.end() ? nullptr : found->second.lock();
}

std::shared_ptr<followed> door::follow(std::string id) {
  if (auto mine = find(id)) return mine;
  auto one = std::make_shared<followed>(executor_, std::move(id));
  followed_[one->id] = one;
  return one;
}

void door::leave(const std::string& id) { followed_.erase(id); }

void door::give_up(const std::string& why) {
  lose_commands(why);
  lose_link();
}

void door::lose_commands(const std::string& why) {
  to_end_.clear(); // they end with their init
  life_.clear();
  for (const auto& [id, weak] : followed_) {
    const auto one = weak.lock();
    if (!one || !one->lost.empty()) continue;
    one->lost = why;
    one->beginning.reset();
    one->changed.bump();
  }
}

void door::end_unseen(const std::string& id) {
  leave(id);
  if (life_.empty()) return;
  if (to_end_.size() < most_unseen) to_end_.insert(id);
  if (open_) link_->send(to_frame({"end", id}), {}, link::weight::control);
}

} // namespace clawdspace::door
