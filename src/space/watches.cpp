#include <clawdspace/core/log.hpp>
#include <clawdspace/files/protocol.hpp>
#include <clawdspace/space/watches.hpp>

#include <fmt/format.h>

namespace clawdspace::spaces {

namespace json = boost::json;
namespace protocol = clawdspace::files;

namespace {

constexpr std::size_t most_waiting = 4096; // events that one follower may be behind

std::string text_in(const json::object& line, std::string_view name) {
  const auto* value = line.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string command(std::initializer_list<std::string_view> words) {
  std::string text;
  for (const auto word : words) text.append(word).push_back('\0');
  return text;
}

} // namespace

/// The one program of a space and a user.
struct watches::program {
  explicit program(const asio::any_io_executor& executor) : turn(executor), changed(executor) {}

  std::string key;
  std::unique_ptr<file_job> job;
  std::map<std::string, watch_follower*> followers;
  gate turn; ///< whole commands, one after the other
  revision changed;
  std::exception_ptr failure; ///< no more comes
};

task<std::unique_ptr<watch_follower>> watches::follow(space_ptr where, std::string user, std::string path,
                                                      bool recursive) {
  const auto key = where->self.id + "/" + user;
  auto& known = all_[key];
  if (!known) known = std::make_shared<program>(executor_);
  const auto p = known;
  p->key = key;
  const auto id = std::to_string(++last_id_);
  auto follower = std::make_unique<watch_follower>(*this, p, id);
  {
    const auto turn = co_await p->turn.enter();
    if (!p->job && !p->failure && !co_await start(p, where, std::move(user))) co_return nullptr;
    if (p->failure) std::rethrow_exception(p->failure);
    co_await p->job->write(command(
        {protocol::watch_add, id, recursive ? protocol::watch_recursive : protocol::watch_plain, path}));
  }
  while (!follower->answered_) {
    if (p->failure) std::rethrow_exception(p->failure);
    co_await p->changed.wait_past(p->changed.value());
  }
  if (follower->has_next()) { // its refusal
    const auto told = co_await follower->next();
    if (told.contains("ok")) throw file_error(text_in(told, "code"), text_in(told, "error"));
  }
  co_return follower;
}

task<bool> watches::start(program_ptr p, space_ptr where, std::string user) {
  lease held;
  auto job = co_await programs_.start(
      std::move(where),
      {.operation = protocol::op_watch, .options = {}, .paths = {}, .user = std::move(user), .input = true},
      held);
  if (!job) co_return false;
  co_await job->said();
  p->job = std::move(job);
  running_.start(run(p));
  co_return true;
}

// Reads always, as the protocol wants it: who is slow is told that something was missed.
task<> watches::run(program_ptr p) {
  try {
    std::string line;
    while (co_await p->job->read_line(line)) {
      json::error_code ec;
      auto value = json::parse(line, ec);
      if (ec || !value.is_object())
        throw error(errc::space_failed, "what the program for files tells of a watch is not understood");
      const auto to = p->followers.find(text_in(value.get_object(), "id"));
      if (to == p->followers.end()) continue; // it has left
      to->second->take(std::move(value.get_object()));
      p->changed.bump();
    }
    p->job->is_over();
    p->failure = std::make_exception_ptr(error(errc::conflict, "the watch ended with its space"));
  } catch (...) {
    p->failure = std::current_exception();
  }
  if (const auto mine = all_.find(p->key); mine != all_.end() && mine->second == p) all_.erase(mine);
  p->changed.bump();
  if (is_cancellation(p->failure)) std::rethrow_exception(p->failure);
}

void watches::leave(const program_ptr& p, const std::string& id) {
  p->followers.erase(id);
  if (p->followers.empty()) {
    if (p->job) p->job->close_input(); // it ends, and `run` with it
    if (const auto mine = all_.find(p->key); mine != all_.end() && mine->second == p) all_.erase(mine);
  } else if (p->job && !p->failure) {
    running_.start(tell_of_leaving(p, id));
  }
}

task<> watches::tell_of_leaving(program_ptr p, std::string id) {
  const auto turn = co_await p->turn.enter();
  if (p->failure || p->job->input() < 0) co_return;
  try {
    co_await p->job->write(command({protocol::watch_remove, id}));
  } catch (const error& e) {
    log_debug("a watch was not told to end", {field("reason", e.what())});
  }
}

task<> watches::close() {
  running_.cancel();
  co_await running_.join();
  all_.clear();
}

// --- one follower ---

watch_follower::watch_follower(watches& owner, watches::program_ptr of, std::string id)
    : owner_(owner), of_(std::move(of)), id_(std::move(id)) {
  of_->followers[id_] = this;
}

watch_follower::~watch_follower() { owner_.leave(of_, id_); }

void watch_follower::take(json::object told) {
  if (const auto* ok = told.if_contains("ok"); ok != nullptr) {
    if (std::exchange(answered_, true)) return;
    if (!ok->is_bool() || !ok->get_bool()) queue_.push_back(std::move(told));
    return;
  }
  if (missed_) return;
  if (queue_.size() < most_waiting) {
    queue_.push_back(std::move(told));
    return;
  }
  missed_ = true;
}

task<json::object> watch_follower::next() {
  for (;;) {
    const auto seen = of_->changed.value();
    if (!queue_.empty()) {
      auto told = std::move(queue_.front());
      queue_.pop_front();
      co_return told;
    }
    if (std::exchange(missed_, false)) co_return json::object{{"type", "overflow"}};
    if (of_->failure) std::rethrow_exception(of_->failure);
    co_await of_->changed.wait_past(seen);
  }
}

} // namespace clawdspace::spaces
