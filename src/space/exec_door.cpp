#include "command_words.hpp"
#include "door_command.hpp"
#include <clawdspace/core/log.hpp>
#include <clawdspace/door/descriptors.hpp>
#include <clawdspace/door/protocol.hpp>
#include <clawdspace/door/words.hpp>
#include <clawdspace/space/exec_door.hpp>
#include <clawdspace/space/files.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <fcntl.h>
#include <thread>

namespace clawdspace::spaces {

using namespace std::chrono_literals;

namespace {

constexpr auto start_patience = 10s;
constexpr std::size_t most_free = 8; // buffers of a size that are kept for the next

// Of commands that begin: one for each processor, and one that is being told of meanwhile.
std::size_t at_once() { return std::max(1U, std::thread::hardware_concurrency()) + std::size_t{1}; }

std::string to_frame(const space& where, const command_spec& what, unsigned version) {
  auto frame = door::to_frame({"spawn", what.id});
  for (const auto& option : command_options(where, what)) door::add_word(frame, option);
  for (const auto& variable : what.env) door::add_word(frame, door::option_set + variable);
  if (what.input && !what.tty) door::add_word(frame, door::option_input);
  if (what.outlives) door::add_word(frame, door::option_outlive);
  if (what.login) door::add_word(frame, door::option_login);
  if (what.unhurried && !what.tty && !what.outlives && version >= 2)
    door::add_word(frame, door::option_unhurried);
  if (what.tty) {
    door::add_word(frame, door::option_rows + std::to_string(what.rows));
    door::add_word(frame, door::option_columns + std::to_string(what.columns));
  }
  door::add_word(frame, "--");
  for (const auto& word : what.argv) door::add_word(frame, word);
  return frame;
}

/// What is sent with a command, and what stays here.
struct streams {
  door::descriptors sent;
  door::descriptors kept_there; ///< by init, for a daemon after this one
  unique_fd input;
  unique_fd out;
  unique_fd err;
};

// Our end of a pipe whose other end the command gets. Init's spare is the same end, so ours is opened anew:
// its flags are nobody else's.
unique_fd own_end(unique_fd end, int access, bool outlives, door::descriptors& kept_there) {
  if (!outlives) {
    door::set_nonblocking(end.value());
    return end;
  }
  auto own = door::reopen_pipe(end.value(), access);
  kept_there.push_back(std::move(end));
  return own;
}

streams make_streams(const command_spec& what) {
  streams made;
  if (!what.tty) {
    if (what.input) {
      auto pipe = door::make_pipe();
      made.sent.push_back(std::move(pipe.reading));
      made.input = own_end(std::move(pipe.writing), O_WRONLY, what.outlives, made.kept_there);
    }
    for (auto* const mine : {&made.out, &made.err}) {
      auto pipe = door::make_pipe();
      made.sent.push_back(std::move(pipe.writing));
      *mine = own_end(std::move(pipe.reading), O_RDONLY, what.outlives, made.kept_there);
    }
  }
  if (what.outlives) {
    unique_fd history(what.history >= 0 ? ::fcntl(what.history, F_DUPFD_CLOEXEC, 0) : -1);
    if (!history && what.history >= 0) throw error(errc::overloaded, "no descriptor is left for a command");
    if (!history) history = door::make_sealed("");
    made.kept_there.push_back(std::move(history));
  }
  for (auto& spare : made.kept_there) made.sent.push_back(std::move(spare));
  return made;
}

} // namespace

// --- buffers ---

read_buffers::buffer read_buffers::lend(std::size_t size) {
  auto& from = size == large ? free_large_ : free_small_;
  if (from.empty()) return buffer(size);
  auto one = std::move(from.back());
  from.pop_back();
  return one;
}

void read_buffers::give_back(buffer b) {
  auto& to = b.size() == large ? free_large_ : free_small_;
  if (to.size() < most_free) to.push_back(std::move(b));
}

// --- the backend ---

door_backend::door_backend(const asio::any_io_executor& executor, doors& all, const policy& rules)
    : executor_(executor), doors_(all), rules_(rules), starts_(executor, at_once()) {
  doors_.on_strangers([this](const space_ptr& where, const std::shared_ptr<door::door>& at,
                             doors::strangers found) { take_strangers(where, at, std::move(found)); });
}

task<std::unique_ptr<running_command>> door_backend::start(space_ptr where, command_spec what) {
  const auto at = doors_.find(*where);
  if (!at) throw error(errc::overloaded, fmt::format("the door of \"{}\" is shut", where->self.name));
  auto frame = to_frame(*where, what, at->version());
  if (frame.size() > door::spawn_limit)
    throw error(errc::invalid_command,
                fmt::format("the command has {} bytes with its environment: more than {}", frame.size(),
                            door::spawn_limit));
  auto made = make_streams(what);
  if (frame.size() > door::frame_limit) {
    made.sent.insert(made.sent.begin(), door::make_sealed(frame));
    frame = door::to_frame({"spawn-large", what.id});
  }
  auto told = at->follow(what.id);
  auto command = std::make_unique<door_command>(*this, at, told, what);
  told->beginning = co_await starts_.enter(where->self.id);
  co_await at->spawn(told, std::move(frame), std::move(made.sent), start_patience);
  if (told->failure || (what.tty && told->end && !told->terminal))
    co_return command; // its streams end at once
  if (what.tty) {
    if (!told->terminal || !door::is_pty_master(told->terminal.value())) {
      at->end_unseen(what.id);
      at->accuse("what it handed over is no terminal");
      throw error(errc::engine_failed, "the space handed over something that is no terminal");
    }
    door::set_nonblocking(told->terminal.value());
    command->set_terminal(std::move(told->terminal));
    if (!what.input) co_await command->close_input();
  } else {
    if (made.input) command->set_input(std::move(made.input));
    command->set_output(channel::out, std::move(made.out));
    command->set_output(channel::err, std::move(made.err));
  }
  co_return command;
}

task<bool> door_backend::end_rest(space_ptr where, std::string id) {
  const auto at = co_await doors_.wait_for(where);
  if (!at) throw error(errc::overloaded, fmt::format("the door of \"{}\" is shut", where->self.name));
  auto told = at->follow(id);
  const auto gone = co_await at->end(told, kill_patience);
  if (told.use_count() == 1) at->leave(id);
  co_return gone == true;
}

void door_backend::forget(const space_ptr& where, const std::string& id) {
  if (const auto at = doors_.find(*where)) at->forget(id);
}

void door_backend::forget_some_time(const space_ptr& where, const std::string& id) {
  if (const auto at = doors_.find(*where)) at->forget_with_next(id);
}

std::string door_backend::limitation(const space& where) const {
  return doors_.may_open(where) ? std::string() : where.backend_reason;
}

// What comes back is checked, and its header not trusted: whoever takes it over looks at the history itself.
void door_backend::take_strangers(const space_ptr& where, const std::shared_ptr<door::door>& at,
                                  doors::strangers found) {
  if (!on_found_) return;
  for (auto& one : found) {
    if (files::is_job(one.command->id)) { // its client left with the daemon before this one
      at->end_unseen(one.command->id);
      continue;
    }
    const auto has = [&](char kind) { return one.kinds.find(kind) != std::string::npos; };
    command_spec spec;
    spec.id = one.command->id;
    spec.tty = has('t');
    spec.input = has('i') || has('t');
    spec.outlives = true;
    auto command = std::make_unique<door_command>(*this, at, one.command, std::move(spec));
    found_command taken{.id = one.command->id, .command = nullptr, .history = {}};
    bool right = true;
    for (std::size_t i = 0; i < one.kinds.size() && right; ++i) {
      auto& fd = one.with[i];
      const char kind = one.kinds[i];
      right = kind == 't'   ? door::is_pty_master(fd.value())
              : kind == 'h' ? door::is_memory_file(fd.value())
                            : door::is_pipe(fd.value(), kind == 'i' ? O_WRONLY : O_RDONLY);
      if (!right) break;
      if (kind == 'h') {
        taken.history = std::move(fd);
      } else if (kind == 't') {
        door::set_nonblocking(fd.value());
        command->set_terminal(std::move(fd));
      } else if (kind == 'i') {
        command->set_input(door::reopen_pipe(fd.value(), O_WRONLY));
      } else {
        command->set_output(kind == 'o' ? channel::out : channel::err,
                            door::reopen_pipe(fd.value(), O_RDONLY));
      }
    }
    if (!right) {
      at->accuse("what it kept for a command is not what it says");
      return;
    }
    taken.command = std::move(command);
    on_found_(where, std::move(taken));
  }
}

} // namespace clawdspace::spaces
