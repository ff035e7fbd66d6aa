#include <clawdspace/api/bodies.hpp>
#include <clawdspace/api/exec_request.hpp>
#include <clawdspace/api/json.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace clawdspace::api {

namespace json = boost::json;

namespace {

// What execve takes (MAX_ARG_STRLEN, and half of the usual quarter of the stack limit for all of them).
constexpr std::size_t longest_argument = 131'071;
constexpr std::size_t longest_command = std::size_t{1} << 20;
constexpr int most_rows = 65'535;

[[noreturn]] void refuse_command(std::string_view what) {
  throw error(errc::invalid_command, fmt::format("command: {}", what));
}

void check(const spaces::command_spec& what) {
  if (what.argv.empty()) refuse_command("is missing: give a text for the shell, or an array of arguments");
  if (what.argv.front().empty()) refuse_command("is empty");
  std::size_t total = 0;
  for (const auto& argument : what.argv) {
    if (argument.find('\0') != std::string::npos) refuse_command("has a NUL in it");
    if (argument.size() > longest_argument)
      refuse_command(fmt::format("an argument of {} bytes is longer than Linux takes ({}): send it as input",
                                 argument.size(), longest_argument));
    total += argument.size() + 1;
  }
  for (const auto& variable : what.env) {
    if (variable.size() > longest_argument)
      refuse("env", fmt::format("a variable of {} bytes is longer than Linux takes ({})", variable.size(),
                                longest_argument));
    total += variable.size() + 1;
  }
  if (total > longest_command)
    refuse_command(
        fmt::format("with its environment it is {} bytes long: at most {} go", total, longest_command));
  for (const auto& [name, text] : {std::pair("cwd", &what.cwd), std::pair("user", &what.user)})
    if (text->find('\0') != std::string::npos) refuse(name, "has a NUL in it");
}

std::int64_t number_in(std::string_view name, std::string_view text, std::int64_t least, std::int64_t most) {
  std::int64_t number = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (ec != std::errc{} || end != text.data() + text.size() || number < least || number > most)
    refuse(name, fmt::format("\"{}\" is not a whole number from {} to {}", text, least, most));
  return number;
}

bool boolean_in(std::string_view name, std::string_view text) {
  if (text != "true" && text != "false") refuse(name, fmt::format("\"{}\" is neither true nor false", text));
  return text == "true";
}

// Fields of the contract that need more than the Engine's exec API can do.
void refuse_unsupported(std::string_view name, bool asked) {
  if (asked)
    throw error(errc::not_supported,
                fmt::format("{}: commands run through the Docker Engine's exec API here, which cannot keep a "
                            "command beyond its request",
                            name));
}

void take_answer_form(exec_request& request, const http::query& query) {
  if (const auto form = query.find("stream")) {
    if (*form == "raw")
      request.stream = exec_stream::raw;
    else if (*form == "ndjson")
      request.stream = exec_stream::ndjson;
    else
      refuse("stream", fmt::format("\"{}\" is neither raw nor ndjson", *form));
  }
  if (const auto output = query.find("output")) {
    if (request.stream != exec_stream::raw) refuse("output", "goes with stream=raw only");
    if (*output == "stdout")
      request.only = spaces::channel::out;
    else if (*output == "stderr")
      request.only = spaces::channel::err;
    else
      refuse("output", fmt::format("\"{}\" is neither stdout nor stderr", *output));
  }
}

void check_known(const http::query& query, std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : query)
    if (std::ranges::find(known, std::string_view(name)) == known.end())
      throw error(errc::unknown_field, fmt::format("there is no parameter \"{}\" here; there are: {}", name,
                                                   fmt::join(known, ", ")));
}

void take_command(spaces::command_spec& into, const json::value& command) {
  if (const auto* text = command.if_string()) {
    into.shell = true;
    into.argv = {std::string(*text)};
    return;
  }
  const auto* arguments = command.if_array();
  if (arguments == nullptr) refuse_command("must be a text for the shell, or an array of arguments");
  for (const auto& argument : *arguments) {
    if (!argument.is_string()) refuse_command("an argument is not a string");
    into.argv.emplace_back(argument.get_string());
  }
  if (into.argv.empty()) refuse_command("is empty");
}

} // namespace

exec_request exec_from_json(const json::value& body, const http::query& query) {
  check_known(query, {"stream", "output"});
  const fields_of fields(body, {"command", "env", "cwd", "user", "stdin", "stdinBase64", "openStdin",
                                "timeoutMs", "tty", "rows", "cols", "detach", "keepAwake", "history"});
  exec_request request;
  take_answer_form(request, query);
  auto& what = request.run.command;
  if (fields.has("command")) take_command(what, fields.value("command"));
  if (fields.has("env")) what.env = environment_in(fields.value("env"));
  what.cwd = fields.text("cwd").value_or("");
  if (fields.has("user") && fields.value("user").is_int64())
    what.user = fmt::format("{}", fields.integer("user", 0, 4'294'967'294).value());
  else
    what.user = fields.text("user").value_or("");
  what.tty = fields.boolean("tty").value_or(false);
  what.rows = static_cast<int>(fields.integer("rows", 1, most_rows).value_or(24));
  what.columns = static_cast<int>(fields.integer("cols", 1, most_rows).value_or(80));
  request.run.timeout = fields.duration("timeoutMs", 1);

  request.input = fields.text("stdin");
  if (const auto encoded = fields.text("stdinBase64")) {
    if (request.input) refuse("stdinBase64", "goes not together with stdin");
    auto decoded = from_base64(*encoded);
    if (!decoded) refuse("stdinBase64", decoded.error().what());
    request.input = std::move(*decoded);
  }
  what.input = request.input.has_value();
  refuse_unsupported("openStdin", fields.boolean("openStdin").value_or(false));
  refuse_unsupported("detach", fields.boolean("detach").value_or(false));
  refuse_unsupported("history", fields.boolean("history").value_or(false));
  (void)fields.boolean("keepAwake"); // of a detached command only; without one there is nothing to keep
  check(what);
  return request;
}

exec_request exec_from_query(const http::query& query) {
  check_known(query, {"stream", "output", "command", "arg", "env", "cwd", "user", "timeoutMs", "tty", "rows",
                      "cols", "detach", "keepAwake", "history", "openStdin"});
  exec_request request;
  take_answer_form(request, query);
  auto& what = request.run.command;
  what.argv = query.all("arg");
  if (const auto text = query.find("command")) {
    if (!what.argv.empty()) refuse_command("goes not together with arg");
    what.shell = true;
    what.argv = {std::string(*text)};
  }
  what.env = query.all("env");
  for (const auto& variable : what.env)
    if (const auto equals = variable.find('=');
        equals == std::string::npos || equals == 0 || variable.find('\0') != std::string::npos)
      refuse("env", fmt::format("\"{}\" is not NAME=value", variable));
  what.cwd = query.find("cwd").value_or("");
  what.user = query.find("user").value_or("");
  const auto number = [&](std::string_view name, std::int64_t most) {
    const auto text = query.find(name);
    return text ? std::optional(number_in(name, *text, 1, most)) : std::nullopt;
  };
  if (const auto ms = number("timeoutMs", 3'162'240'000'000)) request.run.timeout = milliseconds(*ms);
  what.rows = static_cast<int>(number("rows", most_rows).value_or(24));
  what.columns = static_cast<int>(number("cols", most_rows).value_or(80));
  const auto flag = [&](std::string_view name) {
    const auto text = query.find(name);
    return text && boolean_in(name, *text);
  };
  what.tty = flag("tty");
  for (const auto* name : {"openStdin", "detach", "history"}) refuse_unsupported(name, flag(name));
  (void)flag("keepAwake");
  what.input = request.body_is_input = true;
  check(what);
  return request;
}

} // namespace clawdspace::api
