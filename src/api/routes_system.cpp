#include <clawdspace/api/bodies.hpp>
#include <clawdspace/api/json.hpp>
#include <clawdspace/api/service.hpp>
#include <clawdspace/version.hpp>

#include <fmt/format.h>

namespace clawdspace::api {

namespace json = boost::json;

namespace {

constexpr auto session_body_limit = 4_KiB; // anybody may send one

} // namespace

task<> service::health(http::exchange& x) {
  const auto& engine = parts_.engine.engine_status();
  json::object about{{"reachable", engine.up}};
  if (engine.up) {
    about["version"] = engine.version.engine;
    about["api"] = engine.version.negotiated;
  } else {
    about["reason"] = engine.reason.empty() ? "not reached yet" : engine.reason;
  }
  co_await x.respond(json_response(200, json::object{
                                            {"status", engine.up ? "ok" : "degraded"},
                                            {"version", version},
                                            {"engine", std::move(about)},
                                        }));
}

task<> service::system(http::exchange& x) { co_await x.respond(json_response(200, system_now())); }

task<> service::issue_ticket(http::exchange& x) {
  const auto body = co_await read_json(x, settings_.body_limit);
  const fields_of fields(body, {"for"});
  const auto what = fields.text("for").value_or("terminal");
  if (what != "terminal" && what != "session")
    refuse("for", fmt::format("\"{}\" is neither terminal nor session", what));
  const auto made =
      tickets_.issue(what == "session" ? tickets::purpose::session : tickets::purpose::terminal);
  auto answer =
      json_response(201, json::object{{"ticket", made.text}, {"expiresAt", to_rfc3339(made.expires)}});
  answer.headers.add("Cache-Control", "no-store");
  co_await x.respond(std::move(answer));
}

task<> service::open_session(http::exchange& x) {
  const auto body = co_await read_json(x, session_body_limit);
  const fields_of fields(body, {"ticket"});
  const auto ticket = fields.text("ticket");
  if (!ticket) refuse("ticket", "is missing");
  if (!tickets_.redeem(*ticket, tickets::purpose::session))
    throw error(errc::unauthorized,
                "the link was used before, or is older than the ten minutes that it is good for: "
                "ask for another with `clawdspace dashboard`, or sign in with the key");
  const auto made = sessions_.issue();
  auto answer =
      json_response(201, json::object{{"token", made.text}, {"expiresAt", to_rfc3339(made.expires)}});
  answer.headers.add("Cache-Control", "no-store");
  co_await x.respond(std::move(answer));
}

task<> service::openapi(http::exchange& x) {
  http::response answer;
  answer.headers.add("Content-Type", "application/yaml");
  answer.body = settings_.openapi;
  co_await x.respond(std::move(answer));
}

} // namespace clawdspace::api
