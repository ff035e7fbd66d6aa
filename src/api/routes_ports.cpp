#include <clawdspace/api/bodies.hpp>
#include <clawdspace/api/exec_answer.hpp>
#include <clawdspace/api/json.hpp>
#include <clawdspace/api/service.hpp>
#include <clawdspace/core/nursery.hpp>

#include <vector>

// What listens in spaces, and raw connections to it over WebSocket: binary messages are the bytes, the text
// message
// {"type":"eof"} is the end of one direction.

namespace clawdspace::api {

namespace json = boost::json;

using http::close_code;
using http::websocket;
using http::websocket_message;
using spaces::port_connection;

namespace {

constexpr std::size_t most_at_once = std::size_t{64} << 10;
constexpr std::size_t longest_reason = 120; // bytes; RFC 6455 section 5.5 leaves 123

void close_with(websocket& client, close_code code, std::string_view words) {
  client.close(code, words.substr(0, longest_reason));
}

bool is_eof(std::string_view text) {
  const auto message = parse_json(text);
  const auto* object = message ? message->if_object() : nullptr;
  const auto* type = object != nullptr ? object->if_contains("type") : nullptr;
  return type != nullptr && object->size() == 1 && *type == "eof";
}

/// Which directions are over.
struct halves {
  bool in = false;
  bool out = false;

  void close_if_both(websocket& client) const {
    if (in && out) client.close(close_code::normal, "both directions have ended");
  }
};

/// From the client to the space, until the client has closed. What is not taken there is not read here.
task<> carry_in(websocket& client, port_connection& space, halves& over) {
  for (;;) {
    const auto message = co_await client.read();
    if (message.what == websocket_message::kind::closed) {
      // Who leaves without having said that this was all is not to be taken for whole.
      if (!over.in && message.code != close_code::normal) space.reset_on_close();
      co_return;
    }
    if (message.what == websocket_message::kind::text) {
      if (!is_eof(message.text())) {
        close_with(client, close_code::policy_violation, "the only text message is {\"type\":\"eof\"}");
      } else if (!over.in) {
        space.end_sending();
        over.in = true;
        over.close_if_both(client);
      }
    } else if (!over.in) {
      co_await space.write(message.data);
    } else if (!message.data.empty()) {
      close_with(client, close_code::policy_violation, "bytes behind {\"type\":\"eof\"}");
    }
  }
}

/// From the space to the client, until that direction is over.
task<> carry_out(port_connection& space, websocket& client, halves& over) {
  for (;;) {
    co_await space.wait_readable();
    std::vector<std::byte> buffer(most_at_once); // only while there is something to carry
    while (const auto n = space.receive_now(buffer)) {
      if (*n == 0) {
        co_await client.write_text(R"({"type":"eof"})");
        over.out = true;
        over.close_if_both(client);
        co_return;
      }
      co_await client.write_binary(std::span(buffer).first(*n));
    }
  }
}

task<> carry(websocket& client, port_connection& space) {
  halves over;
  const auto in = [&](nursery& ways) -> task<> {
    co_await carry_in(client, space, over);
    ways.cancel(); // the client has left
  };
  const auto both = [&](nursery& ways) -> task<> {
    ways.start(carry_out(space, client, over));
    ways.start(in(ways));
    co_return;
  };
  std::string lost;
  try {
    co_await with_nursery(both);
  } catch (const error& e) {
    if (e.code() == errc::connection_lost)
      lost = e.what();
    else if (e.code() != errc::client_left)
      throw;
  }
  if (!lost.empty()) close_with(client, close_code::internal_error, lost);
}

} // namespace

task<> service::list_ports(http::exchange& x) {
  const std::string name(x.path_parameter("name"));
  const auto listening = co_await parts_.ports.list(name);
  const auto s = parts_.known.at(name);
  json::array all;
  for (const auto& one : listening) {
    auto told = to_json(one);
    if (one.what == spaces::listening::kind::tcp) {
      told["public"] = s->settings.public_ports.contains(one.port);
      told["url"] = parts_.shown.url_of(x.head(), x.peer(), {one.port, name}) + "/";
    }
    all.push_back(std::move(told));
  }
  co_await x.respond(json_response(200, json::object{{"ports", std::move(all)}}));
}

task<> service::open_tunnel(http::exchange& x) {
  const auto s = parts_.known.at(x.path_parameter("name"));
  const auto to = value_or_throw(spaces::port_target::parse(x.path_parameter("port")));
  for (const auto& [name, value] : x.parameters())
    if (name != "ticket") throw error(errc::unknown_field, "there is no parameter but ticket here");
  if (!x.head().headers.has_token("upgrade", "websocket"))
    co_await x.accept_websocket({}); // says what is missing
  // First the connection: that nothing listens is then an answer like any other.
  auto space = co_await parts_.ports.connect(s->self.name, to);
  auto& client = *co_await x.accept_websocket({});
  co_await carry(client, space);
}

} // namespace clawdspace::api
