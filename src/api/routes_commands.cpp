#include <clawdspace/api/bodies.hpp>
#include <clawdspace/api/exec_answer.hpp>
#include <clawdspace/api/json.hpp>
#include <clawdspace/api/service.hpp>
#include <clawdspace/space/output_follower.hpp>

#include <fmt/format.h>

#include <charconv>
#include <vector>

// Commands as things: what runs, and what has ended, by id.

namespace clawdspace::api {

namespace json = boost::json;

using spaces::output_follower;
using spaces::selection;

namespace {

constexpr std::size_t input_buffer = std::size_t{64} << 10;

/// How a command's output is to be followed.
struct follow_request {
  exec_stream stream = exec_stream::raw;
  selection what = selection::both;
  std::uint64_t offset = 0;
  bool follow = true; ///< else only what there is now
};

std::uint64_t offset_in(std::string_view text) {
  std::uint64_t offset = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), offset);
  if (ec != std::errc{} || end != text.data() + text.size())
    refuse("offset", fmt::format("\"{}\" is not a number of bytes", text));
  return offset;
}

bool flag_in(std::string_view name, std::string_view text) {
  if (text != "true" && text != "false") refuse(name, fmt::format("\"{}\" is neither true nor false", text));
  return text == "true";
}

follow_request follow_from(const http::query& query) {
  follow_request how;
  for (const auto& [name, value] : query) {
    if (name == "stream") {
      if (value != "raw" && value != "ndjson")
        refuse("stream", fmt::format("\"{}\" is neither raw nor ndjson", value));
      how.stream = value == "raw" ? exec_stream::raw : exec_stream::ndjson;
    } else if (name == "output") {
      if (value != "stdout" && value != "stderr")
        refuse("output", fmt::format("\"{}\" is neither stdout nor stderr", value));
      how.what = value == "stdout" ? selection::out : selection::err;
    } else if (name == "offset") {
      how.offset = offset_in(value);
    } else if (name == "follow") {
      how.follow = flag_in(name, value);
    } else {
      throw error(
          errc::unknown_field,
          fmt::format("there is no parameter \"{}\" here; there are: stream, output, offset, follow", name));
    }
  }
  return how;
}

/// Whether there is more to come.
template <class Answer> task<bool> pass_on(Answer& answer, const spaces::followed& next) {
  using kind = spaces::followed::kind;
  if (next.what == kind::end) co_return false;
  if (next.what == kind::gap)
    co_await answer.gap(next.from_offset, next.to_offset);
  else
    co_await answer.take({.from = next.from, .data = next.data});
  co_return true;
}

template <class Answer> task<> follow(Answer& answer, output_follower& from) {
  while (co_await pass_on(answer, co_await from.next())) {
  }
}

template <class Answer> task<> give(Answer& answer, output_follower& from) {
  while (const auto next = from.try_next())
    if (!co_await pass_on(answer, *next)) break;
}

/// Where the follower's client leaves, its following ends, and that is no failure.
template <class Answer>
task<> answer_with(Answer& answer, http::exchange& x, const follow_request& how, output_follower& from,
                   event& stopping, task<> beside) {
  co_await answer.begin();
  if (!how.follow)
    co_await give(answer, from);
  else
    co_await first_of(first_of(first_of(x.wait_departure(), stopping.wait()), std::move(beside)),
                      follow(answer, from));
  co_await answer.finish(from.of().end);
}

task<> answer_empty(http::exchange& x, const spaces::record_ptr& about, const follow_request& how) {
  if (how.stream == exec_stream::raw) {
    raw_answer answer(x, about->facts.id);
    co_await answer.begin();
    co_await answer.finish(about->end);
  } else {
    ndjson_answer answer(co_await asio::this_coro::executor, x, about->facts.id);
    co_await answer.begin();
    co_await answer.finish(about->end);
  }
}

task<> never(asio::any_io_executor executor) {
  event nothing(executor);
  co_await nothing.wait();
}

} // namespace

task<spaces::record_ptr> service::command_of(const http::exchange& x) const {
  return parts_.book.seek(parts_.known.at(x.path_parameter("name")), std::string(x.path_parameter("id")));
}

task<> service::list_commands(http::exchange& x) {
  const auto s = parts_.known.at(x.path_parameter("name"));
  json::array all;
  for (const auto& about : co_await parts_.book.seek_all(s)) all.push_back(to_json(*about));
  co_await x.respond(json_response(200, json::object{{"execs", std::move(all)}}));
}

task<> service::show_command(http::exchange& x) {
  co_await x.respond(json_response(200, to_json(*co_await command_of(x))));
}

task<> service::follow_command(http::exchange& x) {
  const auto about = co_await command_of(x);
  const auto how = follow_from(x.parameters());
  if (!about->output && about->other && how.what != selection::both && how.offset == 0) {
    // The output that its own request did not want: it has no history, and this is its one reader.
    const auto which = how.what == selection::out ? spaces::channel::out : spaces::channel::err;
    if (how.stream == exec_stream::raw) {
      raw_answer answer(x, about->facts.id);
      co_await parts_.book.follow_other(about, which, answer);
      co_await answer.finish(about->end);
    } else {
      ndjson_answer answer(parts_.executor, x, about->facts.id);
      co_await first_of(answer.ping(), parts_.book.follow_other(about, which, answer));
      co_await answer.finish(about->end);
    }
    co_return;
  }
  if (!about->output && about->end && how.what != selection::both && how.offset == 0 &&
      about->bytes[how.what == selection::out ? 0 : 1] == 0) {
    co_await answer_empty(x, about, how); // nothing was ever written there, so nothing is lost
    co_return;
  }
  output_follower from(parts_.known, about, how.what, how.offset);
  if (how.stream == exec_stream::raw) {
    raw_answer answer(x, about->facts.id, true);
    co_await answer_with(answer, x, how, from, parts_.stopping, never(parts_.executor));
  } else {
    ndjson_answer answer(parts_.executor, x, about->facts.id);
    co_await answer_with(answer, x, how, from, parts_.stopping, answer.ping());
  }
}

task<> service::feed_command(http::exchange& x) {
  const auto about = co_await command_of(x);
  bool close = true;
  for (const auto& [name, value] : x.parameters()) {
    if (name != "close")
      throw error(errc::unknown_field,
                  fmt::format("there is no parameter \"{}\" here; there is: close", name));
    close = flag_in(name, value);
  }
  x.allow_slow_body();
  std::vector<std::byte> buffer(input_buffer);
  std::uint64_t taken = 0;
  while (const auto n = co_await x.read_some(buffer)) {
    co_await parts_.book.write_input(about, std::span(buffer).first(n));
    taken += n;
  }
  if (close) {
    try {
      co_await parts_.book.close_input(about);
    } catch (const error& e) {
      // It took all of this body, and ended upon it before its input could be closed.
      if (e.code() != errc::conflict || taken == 0) throw;
    }
  }
  co_await x.respond(json_response(200, json::object{{"bytes", taken}, {"closed", close}}));
}

task<> service::signal_command(http::exchange& x) {
  const auto about = co_await command_of(x);
  const auto body = co_await read_json(x, settings_.body_limit);
  const fields_of fields(body, {"signal", "tree"});
  if (!fields.has("signal")) refuse("signal", "is missing: give a name such as \"SIGINT\", or a number");
  const auto name = fields.value("signal").is_int64() ? fmt::format("{}", fields.value("signal").get_int64())
                                                      : fields.text("signal").value();
  co_await parts_.book.signal(about, spaces::signal_number(name), fields.boolean("tree").value_or(false));
  co_await x.respond({.status = 204, .headers = {}, .body = {}});
}

task<> service::resize_command(http::exchange& x) {
  const auto about = co_await command_of(x);
  const auto body = co_await read_json(x, settings_.body_limit);
  const fields_of fields(body, {"rows", "cols"});
  const auto rows = fields.integer("rows", 1, 65'535);
  const auto columns = fields.integer("cols", 1, 65'535);
  if (!rows) refuse("rows", "is missing");
  if (!columns) refuse("cols", "is missing");
  co_await parts_.book.resize(about, static_cast<int>(*rows), static_cast<int>(*columns));
  co_await x.respond({.status = 204, .headers = {}, .body = {}});
}

task<> service::end_command(http::exchange& x) {
  const auto about = co_await command_of(x);
  const bool confirmed = co_await parts_.book.end(about);
  auto answer = to_json(*about);
  answer["confirmed"] = confirmed;
  co_await x.respond(json_response(200, answer));
}

} // namespace clawdspace::api
