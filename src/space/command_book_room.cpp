#include "command_note.hpp"
#include <clawdspace/core/log.hpp>
#include <clawdspace/space/command_book.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

// Histories, those that were found as well, and the room that they share: what ended first makes it.

namespace clawdspace::spaces {

namespace {

/// A history, and what it takes of the room for all.
struct held {
  history kept;
  std::shared_ptr<std::size_t> total;
  std::size_t size;

  held(history one, std::shared_ptr<std::size_t> of)
      : kept(std::move(one)), total(std::move(of)), size(footprint(kept.capacity())) {
    *total += size;
  }
  held(const held&) = delete;
  held& operator=(const held&) = delete;
  ~held() { *total -= size; }
};

std::size_t most_room(const policy& rules) { return static_cast<std::size_t>(count(rules.history_total)); }

} // namespace

std::shared_ptr<history> command_book::hold(history one) {
  const auto both = std::make_shared<held>(std::move(one), room_taken_);
  return {both, &both->kept};
}

std::shared_ptr<history> command_book::make_history() {
  const auto& rules = below_.operations.rules();
  const auto capacity = static_cast<std::size_t>(count(rules.history_limit));
  if (!make_room(footprint(capacity)))
    throw error(
        errc::overloaded,
        fmt::format("there is no room for the output of another command: those that run take all of {}",
                    to_words(rules.history_total)));
  return hold(history::make(capacity));
}

bool command_book::make_room(std::size_t size) {
  const auto most = most_room(below_.operations.rules());
  while (*room_taken_ + size > most) {
    if (with_output_.empty()) return false;
    let_go_of_output(record_ptr(with_output_.front()));
  }
  return true;
}

void command_book::let_go_of_output(const record_ptr& about) {
  std::erase(with_output_, about);
  if (!about->output) return;
  try {
    about->output->drop_output(); // whoever else holds the memory: the bytes are given back
  } catch (const std::system_error& e) {
    log_warning("the memory of a command's output could not be given back",
                {field("exec", about->facts.id), field("reason", e.what())});
  }
  about->output.reset();
  about->output_dropped = true;
  about->output_grew.bump();
}

void command_book::adopt(space_ptr where, found_command found) {
  if (find(*where, found.id)) {
    lives_.start(close_found(std::move(found.command)));
    return;
  }
  const auto now = std::chrono::system_clock::now();
  const auto complain = [&](std::string_view reason) {
    log_warning("the output of a command that was found is lost",
                {field("space", where->self.name), field("exec", found.id), field("reason", reason)});
  };
  command_note note{.facts = {.id = found.id, .started = now, .detached = bool(found.history)}};
  std::shared_ptr<history> output;
  if (found.history) {
    auto opened = history::open(std::move(found.history), most_room(below_.operations.rules()));
    auto read = opened ? note_from(opened->note()) : std::nullopt;
    if (!opened) {
      complain(opened.error().what());
    } else if (!read || read->facts.id != found.id) {
      complain("its note is not this command's");
    } else {
      note = std::move(*read);
      if (make_room(footprint(opened->capacity())))
        output = hold(std::move(*opened));
      else
        complain("there is no room for it");
    }
  }
  note.facts.started = std::min(note.facts.started, now);
  const auto about = std::make_shared<command_record>(below_.executor, where, note.facts);
  about->output_dropped = note.facts.outlives() && !output;
  about->output = std::move(output);
  if (about->output)
    about->bytes = {about->output->total(selection::out), about->output->total(selection::err)};
  if (note.end) {
    about->end = std::move(note.end);
    about->ended = note.ended;
    shelf_of(where);
    put_ended(about);
    lives_.start(close_found(std::move(found.command)));
    return;
  }
  // Its clock has gone on without us, unless it was frozen.
  if (!note.frozen && now > note.written && note.written.time_since_epoch().count() > 0)
    note.ran += std::chrono::duration_cast<milliseconds>(now - note.written);
  const auto command = std::make_shared<execution>(below_, about, command_spec{},
                                                   [this](const record_ptr& of) { take_ending(of); });
  command->take_over(std::move(found.command), note.ran, note.cause);
  put(command);
  lives_.start(live(command));
}

task<> command_book::close_found(std::unique_ptr<running_command> command) {
  try {
    if (command) co_await command->close();
  } catch (const error& e) {
    log_debug("a command that was found could not be closed", {field("reason", e.what())});
  }
}

} // namespace clawdspace::spaces
