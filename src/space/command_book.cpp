#include "output_split.hpp"
#include <clawdspace/core/log.hpp>
#include <clawdspace/space/command_book.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <exception>

namespace clawdspace::spaces {

command_book::command_book(const execution::parts& below, command_ids ids)
    : below_(below), ids_(ids), room_taken_(std::make_shared<std::size_t>(0)), lives_(below.executor) {}

// --- starting ---

std::shared_ptr<execution> command_book::make(const space_ptr& where, execution::request what, bool detached,
                                              bool terminal) {
  auto& spec = what.command;
  spec.id = ids_.make(where->self.id);
  auto facts = facts_of(spec);
  facts.detached = detached;
  facts.terminal = terminal;
  facts.keep_awake = what.keep_awake;
  facts.timeout = what.timeout;
  if (terminal) facts.linger = what.linger;
  const auto about = std::make_shared<command_record>(below_.executor, where, std::move(facts));
  if (about->facts.outlives() || what.history) about->output = make_history();
  if (about->facts.outlives()) {
    spec.outlives = true;
    spec.history = about->output->descriptor();
  }
  return std::make_shared<execution>(below_, about, std::move(spec),
                                     [this](const record_ptr& of) { take_ending(of); });
}

task<std::shared_ptr<execution>> command_book::start(space_ptr where, execution::request what) {
  auto command = make(where, std::move(what), false, false);
  co_await command->start();
  put(command);
  co_return command;
}

void command_book::must_outlive(const space& where) const {
  const auto& backend = below_.backend;
  // Of a space that is yet to run, or to be heard of, nobody can say.
  if ((where.state != space_state::running && where.state != space_state::paused) ||
      backend.is_unheard(where))
    return;
  const auto why = backend.limitation(where);
  if (!why.empty())
    throw error(errc::not_supported,
                fmt::format("\"{}\" runs no command that outlives its request, and no login shell: {}",
                            where.self.name, why));
}

task<record_ptr> command_book::start_detached(space_ptr where, execution::request what) {
  auto command = make(where, std::move(what), true, false);
  co_return co_await start_unowned(std::move(command));
}

task<record_ptr> command_book::start_terminal(space_ptr where, execution::request what) {
  what.command.tty = what.command.input = true;
  auto command = make(where, std::move(what), false, true);
  co_return co_await start_unowned(std::move(command));
}

task<record_ptr> command_book::start_unowned(std::shared_ptr<execution> command) {
  const auto about = command->record();
  co_await command->start();
  put(command);
  lives_.start(live(command));
  bool runs = false;
  try {
    runs = co_await command->program_runs();
  } catch (const error& e) {
    if (e.code() != errc::conflict) throw; // it has ended already
  }
  while (!runs && !about->end) co_await about->changed.wait_past(about->changed.value());
  co_return about;
}

task<> command_book::live(std::shared_ptr<execution> command) {
  std::exception_ptr failure;
  try {
    co_await command->live();
  } catch (...) { // one command's failure is not another's
    failure = std::current_exception();
  }
  if (failure)
    log_error("a command was lost sight of",
              {field("exec", command->id()), field("reason", describe(failure))});
}

// --- shelves ---

command_book::shelf& command_book::shelf_of(const space_ptr& where) {
  const auto [place, made] = shelves_.try_emplace(where->self.id);
  if (made) lives_.start(follow_space(where));
  return place->second;
}

void command_book::put(const std::shared_ptr<execution>& command) {
  const auto& about = command->record();
  about->life = command;
  shelf_of(about->where).running.emplace(about->facts.id, about);
}

void command_book::take_ending(const record_ptr& about) {
  shelf_of(about->where).running.erase(about->facts.id);
  put_ended(about);
  if (about->other && about->other->holds_something())
    lives_.start(keep_other(about));
  else
    about->other.reset();
}

void command_book::put_ended(const record_ptr& about) {
  auto& in = shelves_.at(about->where->self.id);
  const auto by_ending = [](const record_ptr& a, const record_ptr& b) { return a->ended < b->ended; };
  in.ended.emplace(about->facts.id, about);
  in.endings.insert(std::ranges::upper_bound(in.endings, about, by_ending), about);
  if (about->output) with_output_.insert(std::ranges::upper_bound(with_output_, about, by_ending), about);
  while (in.endings.size() > below_.operations.rules().records) {
    const auto oldest = in.endings.front();
    in.endings.pop_front();
    in.ended.erase(oldest->facts.id);
    drop(oldest);
  }
}

void command_book::drop(const record_ptr& about) {
  let_go_of_output(about);
  auto& backend = below_.backend;
  if (about->facts.outlives())
    backend.forget(about->where, about->facts.id);
  else
    backend.forget_some_time(about->where, about->facts.id);
}

// One for a space and not for a command, of which there may be thousands.
task<> command_book::follow_space(space_ptr where) {
  for (;;) {
    const auto seen = where->changed.value();
    if (where->gone || where->state == space_state::stopped)
      for (const auto& [id, one] : shelves_.at(where->self.id).running)
        if (const auto life = one->life.lock()) life->space_left();
    if (where->gone) break;
    co_await where->changed.wait_past(seen);
  }
  auto& of = shelves_.at(where->self.id);
  while (!of.running.empty()) { // they end by themselves, since their space is gone
    const auto one = of.running.begin()->second;
    while (!one->end) co_await one->changed.wait_past(one->changed.value());
  }
  for (const auto& one : of.endings) drop(one);
  shelves_.erase(where->self.id);
}

task<> command_book::keep_other(record_ptr about) {
  asio::steady_timer timer{below_.executor, about->other->deadline()};
  co_await timer.async_wait(asio::use_awaitable);
  about->other.reset();
}

// --- finding ---

record_ptr command_book::find(const space& where, std::string_view id) const {
  const auto in = shelves_.find(where.self.id);
  if (in == shelves_.end()) return nullptr;
  for (const auto* among : {&in->second.running, &in->second.ended})
    if (const auto found = among->find(id); found != among->end()) return found->second;
  return nullptr;
}

record_ptr command_book::at(const space& where, std::string_view id) const {
  if (auto found = find(where, id)) return found;
  if (ids_.is_ours(where.self.id, id))
    throw error(errc::command_forgotten,
                fmt::format("the command {} has ended and is not remembered any more", id));
  throw error(errc::command_not_found, fmt::format("there is no command \"{}\" in {}", id, where.self.name));
}

task<record_ptr> command_book::seek(space_ptr where, std::string id) {
  auto& backend = below_.backend;
  if (!find(*where, id) && ids_.is_ours(where->self.id, id) && backend.is_unheard(*where)) {
    if (where->state == space_state::running) {
      co_await backend.hear(where);
    } else if (where->state == space_state::paused) {
      {
        const auto awake = co_await below_.operations.wake(where);
        co_await backend.hear(where);
      }
      // What was found would keep it awake; it did not before.
      int found = 0;
      for (const auto& [name, one] : shelf_of(where).running) found += one->facts.keep_awake ? 1 : 0;
      co_await below_.operations.put_to_sleep(where, sleep_depth::paused, found);
    }
  }
  co_return at(*where, id);
}

task<std::vector<record_ptr>> command_book::seek_all(space_ptr where) {
  if (where->state == space_state::running && below_.backend.is_unheard(*where))
    co_await below_.backend.hear(where);
  co_return list(*where);
}

std::vector<record_ptr> command_book::list(const space& where) const {
  std::vector<record_ptr> all;
  const auto in = shelves_.find(where.self.id);
  if (in == shelves_.end()) return all;
  for (const auto* among : {&in->second.running, &in->second.ended})
    for (const auto& [id, one] : *among) all.push_back(one);
  std::ranges::sort(
      all, [](const record_ptr& a, const record_ptr& b) { return a->facts.started > b->facts.started; });
  return all;
}

// --- asking ---

std::shared_ptr<execution> command_book::running(const record_ptr& of) {
  auto life = of->life.lock();
  if (!life || of->end) throw error(errc::conflict, fmt::format("{} has ended", of->facts.id));
  return life;
}

task<> command_book::write_input(record_ptr of, std::span<const std::byte> data) {
  const auto life = running(of);
  co_await life->write_input(data);
}

task<> command_book::close_input(record_ptr of) {
  const auto life = running(of);
  co_await life->close_input();
}

task<> command_book::signal(record_ptr of, int number, bool tree) {
  const auto life = running(of);
  co_await life->signal(number, tree);
}

task<> command_book::resize(record_ptr of, int rows, int columns) {
  const auto life = running(of);
  co_await life->resize(rows, columns);
}

task<> command_book::hang_up(record_ptr of) {
  const auto life = running(of);
  co_await life->hang_up();
}

task<bool> command_book::end(record_ptr of) {
  if (const auto life = of->life.lock(); life && !of->end) co_await life->end();
  if (of->end->confirmed) co_return *of->end->confirmed;
  co_return co_await end_rest(of);
}

// What it left in the background.
task<bool> command_book::end_rest(record_ptr of) {
  const auto& where = of->where;
  if (where->gone || where->state == space_state::stopped || where->state == space_state::destroying)
    co_return true; // with everything that ran in it
  const bool was_asleep = where->state == space_state::paused;
  bool gone = false;
  {
    const auto awake = co_await below_.operations.wake(where);
    gone = co_await below_.backend.end_rest(where, of->facts.id);
  }
  if (was_asleep) co_await below_.operations.put_to_sleep(where, sleep_depth::paused);
  co_return gone;
}

task<> command_book::follow_other(record_ptr of, channel which, output_sink& output) {
  const auto split = of->other;
  if (!split || !co_await split->follow(which, output))
    throw error(errc::no_history,
                fmt::format("no output of {} is kept, and this one is not there to be read", of->facts.id));
}

task<> command_book::close() {
  lives_.cancel();
  co_await lives_.join();
}

} // namespace clawdspace::spaces
