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
constexpr std::int64_t longest_patience = 60'000;             // milliseconds
constexpr std::int64_t most_milliseconds = 3'162'240'000'000; // a hundred years

[[noreturn]] void refuse_command(std::string_view what) {
  throw error(errc::invalid_command, fmt::format("command: {}", what));
}

void check(const spaces::command_spec& what) {
  if (what.login && !what.argv.empty()) refuse_command("goes not together with login");
  if (what.argv.empty() && !what.login)
    refuse_command("is missing: give a text for the shell, or an array of arguments");
  if (!what.login && what.argv.front().empty()) refuse_command("is empty");
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

// A detached command's input is taken before its answer, so it must be such that a pipe holds it.
constexpr std::size_t longest_detached_input = 65'536;

void check_detached(const exec_request& request) {
  if (!request.detach) return;
  if (request.stream != exec_stream::none)
    refuse("stream", "goes not together with detach: follow GET …/execs/{id}/output");
  if (request.input && request.input->size() > longest_detached_input)
    refuse("stdin", fmt::format("{} bytes are more than go with detach (at most {}): use openStdin, and POST "
                                "…/execs/{{id}}/stdin",
                                request.input->size(), longest_detached_input));
  if (request.body_is_input && !request.open_input)
    refuse("detach",
           "goes not together with a body that is input: use openStdin, and POST …/execs/{id}/stdin");
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
  if (const auto patience = query.find("followWithinMs")) {
    if (!request.only) refuse("followWithinMs", "goes with output only");
    request.other_waits = milliseconds(number_in("followWithinMs", *patience, 1, longest_patience));
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
  check_known(query, {"stream", "output", "followWithinMs"});
  const fields_of fields(body,
                         {"command", "env", "cwd", "user", "stdin", "stdinBase64", "openStdin", "timeoutMs",
                          "tty", "rows", "cols", "detach", "keepAwake", "history", "login"});
  exec_request request;
  take_answer_form(request, query);
  auto& what = request.run.command;
  if (fields.has("command")) take_command(what, fields.value("command"));
  what.login = fields.boolean("login").value_or(false);
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
  request.open_input = fields.boolean("openStdin").value_or(false);
  if (request.open_input && request.input)
    refuse("openStdin", "goes not together with stdin: POST it to …/execs/{id}/stdin");
  what.input = request.input.has_value() || request.open_input;
  request.detach = fields.boolean("detach").value_or(false);
  request.run.history = fields.boolean("history").value_or(false);
  request.run.keep_awake = fields.boolean("keepAwake").value_or(true);
  check_detached(request);
  check(what);
  return request;
}

namespace {

/// What a query says about what runs, and as whom.
void take_command(spaces::command_spec& into, const http::query& query) {
  into.argv = query.all("arg");
  if (const auto text = query.find("command")) {
    if (!into.argv.empty()) refuse_command("goes not together with arg");
    into.shell = true;
    into.argv = {std::string(*text)};
  }
  into.env = query.all("env");
  for (const auto& variable : into.env)
    if (const auto equals = variable.find('=');
        equals == std::string::npos || equals == 0 || variable.find('\0') != std::string::npos)
      refuse("env", fmt::format("\"{}\" is not NAME=value", variable));
  into.cwd = query.find("cwd").value_or("");
  into.user = query.find("user").value_or("");
}

std::optional<std::int64_t> number_of(const http::query& query, std::string_view name, std::int64_t least,
                                      std::int64_t most) {
  const auto text = query.find(name);
  return text ? std::optional(number_in(name, *text, least, most)) : std::nullopt;
}

bool flag_of(const http::query& query, std::string_view name, bool otherwise = false) {
  const auto text = query.find(name);
  return text ? boolean_in(name, *text) : otherwise;
}

} // namespace

exec_request exec_from_query(const http::query& query) {
  check_known(query,
              {"stream", "output", "followWithinMs", "command", "arg", "env", "cwd", "user", "timeoutMs",
               "tty", "rows", "cols", "detach", "keepAwake", "history", "openStdin", "login"});
  exec_request request;
  take_answer_form(request, query);
  auto& what = request.run.command;
  take_command(what, query);
  if (const auto ms = number_of(query, "timeoutMs", 1, most_milliseconds))
    request.run.timeout = milliseconds(*ms);
  what.rows = static_cast<int>(number_of(query, "rows", 1, most_rows).value_or(24));
  what.columns = static_cast<int>(number_of(query, "cols", 1, most_rows).value_or(80));
  what.tty = flag_of(query, "tty");
  what.login = flag_of(query, "login");
  request.open_input = flag_of(query, "openStdin");
  request.detach = flag_of(query, "detach");
  request.run.history = flag_of(query, "history");
  request.run.keep_awake = flag_of(query, "keepAwake", true);
  what.input = request.body_is_input = true;
  check_detached(request);
  check(what);
  return request;
}

spaces::execution::request terminal_from_query(const http::query& query) {
  check_known(query,
              {"command", "arg", "env", "cwd", "user", "rows", "cols", "detach", "lingerMs", "ticket"});
  spaces::execution::request request;
  auto& what = request.command;
  take_command(what, query);
  what.tty = what.input = true;
  what.login = what.argv.empty();
  const auto size = size_from_query(query);
  what.rows = size.rows.value_or(24);
  what.columns = size.columns.value_or(80);
  const auto linger = number_of(query, "lingerMs", 0, most_milliseconds);
  if (linger) request.linger = milliseconds(*linger);
  if (flag_of(query, "detach")) {
    if (linger) refuse("lingerMs", "goes not together with detach, which lingers for ever");
    request.linger = std::nullopt;
  }
  check(what);
  return request;
}

terminal_size size_from_query(const http::query& query) {
  const auto side = [&](std::string_view name) {
    const auto number = number_of(query, name, 1, most_rows);
    return number ? std::optional(static_cast<int>(*number)) : std::nullopt;
  };
  return {.rows = side("rows"), .columns = side("cols")};
}

terminal_size attach_from_query(const http::query& query) {
  check_known(query, {"rows", "cols", "ticket"});
  return size_from_query(query);
}

} // namespace clawdspace::api
