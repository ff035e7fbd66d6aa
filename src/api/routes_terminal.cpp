#include <clawdspace/api/exec_answer.hpp>
#include <clawdspace/api/json.hpp>
#include <clawdspace/api/problem.hpp>
#include <clawdspace/api/service.hpp>
#include <clawdspace/space/terminal_view.hpp>

#include <fmt/format.h>

// Terminals over WebSocket: binary messages are the terminal's bytes, text is JSON.

namespace clawdspace::api {

namespace json = boost::json;
using namespace std::chrono_literals;

using http::close_code;
using http::websocket;
using http::websocket_message;
using spaces::command_book;
using spaces::terminal_view;

namespace {

/// How long a program gets to notice the first of two changes of size.
constexpr auto redraw_patience = 100ms;
/// Full reset of a terminal (ECMA-48, RIS): what is replayed begins on a clean screen.
constexpr std::string_view reset = "\x1b"
                                   "c";
constexpr std::size_t longest_reason = 120; // bytes; RFC 6455 section 5.5 leaves 123

std::string to_reason(std::string_view words) { return std::string(words.substr(0, longest_reason)); }

task<> tell(websocket& client, json::object what) { co_await client.write_text(to_text(what)); }

json::object size_message(std::string_view type, int rows, int columns) {
  return {{"type", type}, {"rows", rows}, {"cols", columns}};
}

/// A control message of the client's. Throws as a request would be refused.
task<> obey(command_book& commands, spaces::record_ptr about, std::string_view text) {
  const auto message = value_or_throw(parse_json(text));
  const auto* object = message.if_object();
  const auto* type = object != nullptr ? object->if_contains("type") : nullptr;
  if (type != nullptr && *type == "resize") {
    const fields_of fields(message, {"type", "rows", "cols"});
    const auto rows = fields.integer("rows", 1, 65'535);
    const auto columns = fields.integer("cols", 1, 65'535);
    if (!rows || !columns) refuse("resize", "takes rows and cols");
    co_await commands.resize(about, static_cast<int>(*rows), static_cast<int>(*columns));
  } else if (type != nullptr && *type == "signal") {
    const fields_of fields(message, {"type", "signal", "tree"});
    const auto name = fields.text("signal");
    if (!name) refuse("signal", "is missing");
    co_await commands.signal(about, spaces::signal_number(*name), fields.boolean("tree").value_or(false));
  } else {
    refuse("type", "must be \"resize\" or \"signal\"");
  }
}

/// Until the client closes. True: it hung up, where anything else only leaves.
task<bool> take_input(command_book& commands, websocket& client, spaces::record_ptr about) {
  for (;;) {
    const auto message = co_await client.read();
    if (message.what == websocket_message::kind::closed) co_return message.code == close_code::normal;
    std::string refused;
    try {
      if (message.what == websocket_message::kind::binary)
        co_await commands.write_input(about, message.data);
      else
        co_await obey(commands, about, message.text());
    } catch (const error& e) {
      if (e.code() == errc::conflict) continue; // it has ended: its viewer is about to be told
      if (message.what == websocket_message::kind::binary) throw;
      refused = e.what();
    }
    if (!refused.empty()) {
      client.close(close_code::policy_violation, to_reason(refused));
      co_return false;
    }
  }
}

task<> say_goodbye(websocket& client, spaces::ending end) {
  json::object last{{"type", "exit"}};
  put_ending(last, end);
  co_await tell(client, std::move(last));
  client.close(close_code::normal, "the command has ended");
}

/// Of one that was over before anybody could look at it, or never began.
task<> display_ended(websocket& client, spaces::registry& known, spaces::record_ptr about) {
  if (about->output) {
    spaces::output_follower rest(known, about, spaces::selection::both, 0);
    for (auto next = rest.try_next(); next && next->what != spaces::followed::kind::end;
         next = rest.try_next())
      if (next->what == spaces::followed::kind::output) co_await client.write_binary(next->data);
  }
  co_await say_goodbye(client, *about->end);
}

/// Until there is no more to show.
task<> display(websocket& client, terminal_view& view) {
  for (;;) {
    const auto next = co_await view.next();
    switch (next.what) {
    case spaces::viewed::kind::output:
      co_await client.write_binary(next.data);
      break;
    case spaces::viewed::kind::resized:
      co_await tell(client, size_message("resized", next.rows, next.columns));
      break;
    case spaces::viewed::kind::dropped:
      client.close(close_code::try_again_later, "too far behind the terminal's output");
      co_return;
    case spaces::viewed::kind::end:
      co_await say_goodbye(client, *view.of().end);
      co_return;
    }
  }
}

/// Two changes of size, so that a program that draws the whole screen draws it anew.
task<> redraw(command_book& commands, spaces::record_ptr about) {
  const int rows = about->facts.rows;
  const int columns = about->facts.columns;
  const auto seen = about->output_grew.value();
  co_await commands.resize(about, rows > 1 ? rows - 1 : rows + 1, columns);
  asio::steady_timer patience{co_await asio::this_coro::executor, redraw_patience};
  co_await first_of(patience.async_wait(asio::use_awaitable), about->output_grew.wait_past(seen));
  co_await commands.resize(about, rows, columns);
}

void close_with(websocket& client, const error& e) {
  client.close(close_code::internal_error, to_reason(e.what()));
}

} // namespace

task<> service::serve_terminal(http::exchange& x, websocket& client, spaces::record_ptr about) {
  if (about->end) {
    co_await display_ended(client, parts_.known, about);
    co_return;
  }
  bool hung_up = false;
  {
    terminal_view view(parts_.known, about);
    const auto input = [&]() -> task<> { hung_up = co_await take_input(parts_.book, client, about); };
    try {
      co_await first_of(first_of(x.wait_departure(), input()), display(client, view));
    } catch (const error& e) {
      if (e.code() != errc::client_left) throw;
    }
  }
  if (!hung_up || about->end) co_return;
  try {
    co_await parts_.book.hang_up(about);
  } catch (const error& e) {
    if (e.code() != errc::conflict) throw; // it has ended meanwhile
  }
}

task<> service::open_terminal(http::exchange& x) {
  const auto s = parts_.known.at(x.path_parameter("name"));
  auto request = terminal_from_query(x.parameters());
  parts_.book.must_outlive(*s);
  // The handshake first: one that is wrong starts nothing.
  auto& client = *co_await x.accept_websocket({});
  spaces::record_ptr about;
  try {
    about = co_await parts_.book.start_terminal(s, std::move(request));
  } catch (const error& e) {
    close_with(client, e);
    co_return;
  }
  co_await tell(client, {{"type", "started"},
                         {"id", about->facts.id},
                         {"rows", about->facts.rows},
                         {"cols", about->facts.columns}});
  co_await serve_terminal(x, client, about);
}

task<> service::attach_terminal(http::exchange& x) {
  const auto about = co_await command_of(x);
  const auto size = attach_from_query(x.parameters());
  if (!about->facts.terminal)
    throw error(errc::conflict, fmt::format("the command {} was not started as a terminal", about->facts.id));
  if (about->end) throw error(errc::conflict, fmt::format("the terminal {} has ended", about->facts.id));
  auto& client = *co_await x.accept_websocket({});
  try {
    if (size.rows || size.columns)
      co_await parts_.book.resize(about, size.rows.value_or(about->facts.rows),
                                  size.columns.value_or(about->facts.columns));
    co_await tell(client, {{"type", "started"},
                           {"id", about->facts.id},
                           {"rows", about->facts.rows},
                           {"cols", about->facts.columns}});
    co_await client.write_binary(std::as_bytes(std::span(reset)));
    co_await redraw(parts_.book, about);
  } catch (const error& e) {
    if (e.code() == errc::client_left) throw;
    close_with(client, e);
    co_return;
  }
  co_await serve_terminal(x, client, about);
}

} // namespace clawdspace::api
