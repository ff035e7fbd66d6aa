#include "command_words.hpp"
#include "engine_command.hpp"
#include <clawdspace/core/log.hpp>
#include <clawdspace/core/random.hpp>
#include <clawdspace/door/init_report.hpp>
#include <clawdspace/space/exec_engine.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace clawdspace::spaces {

using namespace std::chrono_literals;

namespace {

constexpr auto unseen_patience = 10s;
constexpr auto drain_time = 10s; // the Engine lets go of an ended exec's outputs after 2

/// Variables that init sets for a user, unless the request did.
constexpr std::array<std::string_view, 6> user_variables{"HOME", "USER", "LOGNAME", "SHELL", "PATH", "TERM"};

engine::exec_spec to_engine(const space& where, const command_spec& what, const std::string& token) {
  engine::exec_spec spec;
  spec.user = "0"; // init's, which becomes the command's user
  spec.working_dir = "/";
  spec.attach_stdin = what.input;
  spec.tty = what.tty;
  spec.env = what.env;
  spec.env.push_back(std::string(door::token_variable) + "=" + token);

  auto& argv = spec.cmd;
  argv = {"/.clawdspace/init", door::verb_exec, what.id};
  for (auto& option : command_options(where, what)) argv.push_back(std::move(option));
  for (const auto& variable : what.env) {
    const auto name = variable_name(variable);
    if (std::ranges::find(user_variables, name) != user_variables.end())
      argv.push_back(door::option_keep + name);
  }
  argv.emplace_back("--");
  argv.insert(argv.end(), what.argv.begin(), what.argv.end());
  return spec;
}

} // namespace

std::string without_the_door(std::string_view what) {
  return fmt::format("commands run through the Docker Engine's exec API here, which cannot {}", what);
}

engine_backend::engine_backend(const asio::any_io_executor& executor, engine::client& docker,
                               lifecycle& operations)
    : executor_(executor), docker_(docker), operations_(operations), farewells_(executor) {}

task<std::string> engine_backend::create(space_ptr where, engine::exec_spec spec) {
  // Somebody may pause, stop or remove a container behind our back, between our look and the Engine's; and
  // right after an unpause the Engine may still call it paused. Once more then, with what it has really
  // become.
  try {
    co_return co_await docker_.create_exec(where->container, spec);
  } catch (const engine::engine_error& e) {
    if (e.status() != 409 && e.status() != 404) throw;
  }
  co_await operations_.refresh(where);
  const auto awake = co_await operations_.wake(where);
  co_return co_await docker_.create_exec(where->container, std::move(spec));
}

task<std::unique_ptr<running_command>> engine_backend::start(space_ptr where, command_spec what) {
  if (what.outlives) throw error(errc::not_supported, limitation(*where));
  const auto token = random_hex(16);
  const auto exec = co_await create(where, to_engine(*where, what, token));
  std::unique_ptr<engine::exec_stream> stream;
  try {
    stream = co_await docker_.start_exec(exec, what.tty);
  } catch (...) {
    farewells_.start(end_unseen(where, what.id));
    throw;
  }
  if (what.tty) {
    // Before 1.42 a terminal's size cannot be given at its start; a process that is gone already needs none.
    try {
      co_await docker_.resize_exec(exec, what.rows, what.columns);
    } catch (const engine::engine_error& e) {
      log_debug("a terminal could not be sized",
                {field("space", where->self.name), field("reason", e.words())});
    }
  }
  co_return std::make_unique<engine_command>(*this, std::move(where), std::move(what), exec, token,
                                             std::move(stream));
}

task<bool> engine_backend::end_rest(space_ptr where, std::string id) {
  return run_kill(std::move(where), std::move(id));
}

void engine_backend::forget(const space_ptr&, const std::string&) {} // the Engine forgets by itself

std::string engine_backend::limitation(const space&) const {
  return without_the_door("keep a command beyond its request");
}

task<bool> engine_backend::run_kill(space_ptr where, std::string id) {
  engine::exec_spec spec;
  spec.cmd = {"/.clawdspace/init", door::verb_kill, id};
  spec.user = "0";
  spec.working_dir = "/";
  const auto exec = co_await create(where, std::move(spec));
  const auto stream = co_await docker_.start_exec(exec, false);
  std::string answer;
  for (;;) {
    const auto piece = co_await stream->read();
    if (piece.data.empty()) break;
    if (answer.size() < 4096)
      answer.append(reinterpret_cast<const char*>(piece.data.data()), piece.data.size());
  }
  if (answer.find(door::kill_confirmed) != std::string::npos) co_return true;
  if (answer.find(door::kill_unconfirmed) == std::string::npos)
    log_warning("ending a command's tree was not confirmed",
                {field("space", where->self.name), field("exec", id), field("answer", answer)});
  co_return false;
}

// A start that did not answer may have started it all the same.
task<> engine_backend::end_unseen(space_ptr where, std::string id) {
  try {
    co_await with_deadline(unseen_patience, run_kill(where, id));
  } catch (...) {
    log_warning("a command whose start went wrong could not be ended",
                {field("space", where->self.name), field("exec", id),
                 field("reason", describe(std::current_exception()))});
  }
}

void engine_backend::take(const engine::engine_event& event) {
  if (event.action != "exec_die") return;
  const auto exec = event.attributes.find("execID");
  if (exec == event.attributes.end()) return;
  const auto waiting = on_die_.find(exec->second);
  if (waiting != on_die_.end()) waiting->second();
}

task<> engine_backend::drain(std::unique_ptr<engine::exec_stream> stream) {
  const auto read_all = [](engine::exec_stream& from) -> task<> {
    while (!(co_await from.read()).data.empty()) {
    }
  };
  try {
    co_await with_deadline(drain_time, read_all(*stream));
  } catch (...) { // its command is over and told; nobody waits for what a child of it may still say
    log_debug("the rest of a command's output was let go",
              {field("reason", describe(std::current_exception()))});
  }
}

task<> engine_backend::close() {
  farewells_.cancel();
  co_await farewells_.join();
}

} // namespace clawdspace::spaces
