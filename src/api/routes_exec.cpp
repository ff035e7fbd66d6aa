#include <clawdspace/api/bodies.hpp>
#include <clawdspace/api/exec_answer.hpp>
#include <clawdspace/api/exec_request.hpp>
#include <clawdspace/api/service.hpp>
#include <clawdspace/core/text_reader.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace clawdspace::api {

namespace {

/// Input that came with the request.
class text_input final : public spaces::input_source {
 public:
  explicit text_input(std::string text) : text_(std::move(text)) {}
  task<std::size_t> read_some(std::span<std::byte> into) override { co_return text_.read_some(into); }

 private:
  text_reader text_;
};

/// The request's body as it arrives.
class body_input final : public spaces::input_source {
 public:
  explicit body_input(http::exchange& x) : exchange_(x) { exchange_.allow_slow_body(); }
  task<std::size_t> read_some(std::span<std::byte> into) override { return exchange_.read_some(into); }

 private:
  http::exchange& exchange_;
};

bool carries_bytes(const http::exchange& x) {
  const auto type = x.head().headers.find("Content-Type").value_or("");
  return x.head().method == "PUT" ||
         http::iequals(type.substr(0, std::min(type.find(';'), type.size())), "application/octet-stream");
}

std::unique_ptr<spaces::input_source> input_of(exec_request& request, http::exchange& x) {
  if (request.open_input) return nullptr;
  if (request.body_is_input) return std::make_unique<body_input>(x);
  if (request.input) return std::make_unique<text_input>(std::move(*request.input));
  return nullptr;
}

spaces::caller caller_of(http::exchange& x) {
  return {.on_leaving = [&x](std::function<void()> left) -> std::shared_ptr<void> {
    return x.on_departure(std::move(left));
  }};
}

} // namespace

task<> service::exec_detached(http::exchange& x, spaces::space_ptr s, exec_request request) {
  const auto about = co_await parts_.book.start_detached(std::move(s), std::move(request.run));
  if (request.input && !about->end) {
    try {
      co_await parts_.book.write_input(about, std::as_bytes(std::span(*request.input)));
      co_await parts_.book.close_input(about);
    } catch (const error& e) {
      if (e.code() != errc::conflict) throw; // it has ended, or reads no input: that is its own affair
    }
  }
  // What never ran is an outcome, as it is for a command that its request waits for.
  const bool never_ran = about->end && about->end->outcome == spaces::outcome::failed_to_start;
  auto answer = json_response(never_ran ? 200 : 202, to_json(*about));
  answer.headers.add("X-Exec-Id", about->facts.id);
  answer.headers.add("Location",
                     fmt::format("/api/spaces/{}/execs/{}", about->where->self.name, about->facts.id));
  co_await x.respond(std::move(answer));
}

task<> service::exec(http::exchange& x) {
  const auto s = parts_.known.at(x.path_parameter("name"));
  exec_request request;
  if (carries_bytes(x)) {
    request = exec_from_query(x.parameters());
  } else {
    const auto body = co_await read_json(x, settings_.body_limit);
    request = exec_from_json(body, x.parameters());
  }
  if (request.detach) {
    co_await exec_detached(x, s, std::move(request));
    co_return;
  }
  const auto input = input_of(request, x);
  if (request.body_is_input) co_await x.ask_for_body(); // before: a command that was started must be run
  request.run.command.unhurried = request.stream == exec_stream::none && !request.run.command.input;
  const auto command = co_await parts_.book.start(s, std::move(request.run));

  switch (request.stream) {
  case exec_stream::none: {
    buffered_answer answer(parts_.operations.rules().output_limit);
    const auto end = co_await command->run(answer, input.get(), caller_of(x));
    co_await x.respond(json_response(200, answer.finish(command->id(), end)));
    break;
  }
  case exec_stream::raw: {
    raw_answer answer(x, command->id());
    co_await answer.finish(
        co_await command->run(answer, input.get(), caller_of(x), request.only, request.other_waits));
    break;
  }
  case exec_stream::ndjson: {
    ndjson_answer answer(parts_.executor, x, command->id());
    auto who = caller_of(x);
    who.beside = [&answer] { return answer.ping(); };
    co_await answer.finish(co_await command->run(answer, input.get(), std::move(who)));
    break;
  }
  }
}

} // namespace clawdspace::api
