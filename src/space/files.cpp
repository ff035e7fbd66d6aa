#include "command_words.hpp"
#include "file_place.hpp"
#include <clawdspace/core/random.hpp>
#include <clawdspace/door/descriptors.hpp>
#include <clawdspace/door/protocol.hpp>
#include <clawdspace/door/words.hpp>
#include <clawdspace/files/protocol.hpp>
#include <clawdspace/space/files.hpp>

#include <fmt/format.h>

namespace clawdspace::spaces {

using namespace std::chrono_literals;

namespace {

constexpr auto start_patience = 10s;
constexpr std::string_view id_mark = "files-"; // no command of the book is called so

std::string to_frame(const space& where, const std::string& id, const file_request& what) {
  command_spec command;
  command.user = what.user;
  command.cwd = "/"; // the image's own may not be there
  auto frame = door::to_frame({"spawn", id});
  for (const auto& option : command_options(where, command)) door::add_word(frame, option);
  if (what.input) door::add_word(frame, door::option_input);
  door::add_word(frame, "--");
  door::add_word(frame, clawdspace::files::program_path);
  door::add_word(frame, what.operation);
  for (const auto& option : what.options) door::add_word(frame, option);
  door::add_word(frame, "--");
  for (const auto& path : what.paths) door::add_word(frame, path);
  return frame;
}

[[noreturn]] void refuse(const space& where, const file_request& what, const door::failed& why) {
  if (why.code == "no_such_user")
    throw error(errc::invalid_field,
                fmt::format("user: \"{}\" has no user \"{}\"", where.self.name, what.user));
  if (why.code == "process_limit")
    throw error(errc::overloaded, fmt::format("\"{}\" has as many processes as it may", where.self.name));
  if (why.code == "program_not_found" || why.code == "not_executable")
    throw error(errc::not_supported,
                fmt::format("\"{}\" has no program for files: {}", where.self.name, why.words));
  throw file_error(why.code == "not_allowed" ? "not_allowed" : "failed", why.words);
}

} // namespace

bool files::is_job(std::string_view id) { return id.starts_with(id_mark); }

task<std::unique_ptr<file_job>> files::start(space_ptr where, file_request what, lease& held) {
  held = co_await operations_.wake(where);
  auto at = doors_.find(*where);
  if (!at) at = co_await doors_.wait_for(where);
  if (!at) co_return nullptr;

  const auto id = std::string(id_mark) + random_hex(12);
  auto frame = to_frame(*where, id, what);
  door::descriptors sent;
  unique_fd in;
  if (what.input) {
    auto pipe = door::make_pipe();
    sent.push_back(std::move(pipe.reading));
    in = std::move(pipe.writing);
  }
  auto out = door::make_pipe();
  auto err = door::make_pipe();
  sent.push_back(std::move(out.writing));
  sent.push_back(std::move(err.writing));
  for (const auto* mine : {&in, &out.reading, &err.reading})
    if (*mine) door::set_nonblocking(mine->value());
  if (frame.size() > door::spawn_limit)
    throw error(errc::invalid_field,
                fmt::format("the path has {} bytes: more than any path can", frame.size()));
  if (frame.size() > door::frame_limit) {
    sent.insert(sent.begin(), door::make_sealed(frame));
    frame = door::to_frame({"spawn-large", id});
  }

  const auto told = at->follow(id);
  auto place = std::make_unique<file_job::place>(*this, where, std::move(held), at, told);
  co_await at->spawn(told, std::move(frame), std::move(sent), start_patience);
  if (told->failure) refuse(*where, what, *told->failure);
  if (in) place->in.open(std::move(in), told);
  place->out.open(std::move(out.reading), told);
  place->err.open(std::move(err.reading), told);
  co_return std::make_unique<file_job>(std::move(place));
}

task<> files::close(std::chrono::milliseconds patience) {
  try {
    co_await with_deadline(patience, farewells_.join());
    co_return;
  } catch (const std::system_error& e) {
    if (!is_timeout(e)) throw;
  }
  farewells_.cancel(); // init ends what is left
  co_await farewells_.join();
}

} // namespace clawdspace::spaces
