#include "constant_time.hpp"
#include "key_check.hpp"
#include <clawdspace/api/problem.hpp>
#include <clawdspace/api/service.hpp>
#include <clawdspace/core/error.hpp>

#include <fmt/format.h>

namespace clawdspace::api {

namespace {

constexpr std::string_view proxied = "/api/spaces/{name}/ports/{port}/{path*}";

} // namespace

service::service(parts below, settings how)
    : parts_(std::move(below)), settings_(std::move(how)), tickets_(parts_.time),
      sessions_(settings_.session_secret, settings_.key, parts_.time) {
  add_routes();
}

service::~service() = default;

void service::add_routes() {
  const auto add = [this](std::string_view method, std::string_view pattern,
                          task<> (service::*route)(http::exchange&)) {
    router_.add(method, pattern, [this, route](http::exchange& x) { return (this->*route)(x); });
  };
  add("GET", "/api/health", &service::health);
  add("GET", "/api/system", &service::system);
  add("GET", "/api/openapi.yaml", &service::openapi);
  add("GET", "/api/events", &service::follow_events);
  add("POST", "/api/tickets", &service::issue_ticket);
  add("POST", "/api/sessions", &service::open_session);
  add("GET", "/api/spaces", &service::list);
  add("POST", "/api/spaces", &service::create);
  add("GET", "/api/spaces/{name}", &service::show);
  add("PATCH", "/api/spaces/{name}", &service::change);
  add("DELETE", "/api/spaces/{name}", &service::destroy);
  add("GET", "/api/spaces/{name}/stats", &service::stats);
  add("POST", "/api/spaces/{name}/stop", &service::stop);
  add("POST", "/api/spaces/{name}/start", &service::start);
  add("POST", "/api/spaces/{name}/exec", &service::exec);
  add("PUT", "/api/spaces/{name}/exec", &service::exec);
  add("GET", "/api/spaces/{name}/terminal", &service::open_terminal);
  add("GET", "/api/spaces/{name}/ports", &service::list_ports);
  add("GET", "/api/spaces/{name}/tunnel/{port}", &service::open_tunnel);
  add("GET", "/api/spaces/{name}/files/{path*}", &service::get_file);
  add("PUT", "/api/spaces/{name}/files/{path*}", &service::put_file);
  add("POST", "/api/spaces/{name}/files/{path*}", &service::change_file);
  add("DELETE", "/api/spaces/{name}/files/{path*}", &service::remove_file);
  add("GET", "/api/spaces/{name}/archive/{path*}", &service::get_archive);
  add("PUT", "/api/spaces/{name}/archive/{path*}", &service::put_archive);
  add("GET", "/api/spaces/{name}/watch/{path*}", &service::watch_files);
  add("GET", "/api/spaces/{name}/execs", &service::list_commands);
  add("GET", "/api/spaces/{name}/execs/{id}", &service::show_command);
  add("DELETE", "/api/spaces/{name}/execs/{id}", &service::end_command);
  add("GET", "/api/spaces/{name}/execs/{id}/output", &service::follow_command);
  add("GET", "/api/spaces/{name}/execs/{id}/terminal", &service::attach_terminal);
  add("POST", "/api/spaces/{name}/execs/{id}/stdin", &service::feed_command);
  add("POST", "/api/spaces/{name}/execs/{id}/signal", &service::signal_command);
  add("POST", "/api/spaces/{name}/execs/{id}/resize", &service::resize_command);
  const auto add_preview = [this](std::string_view method, std::string_view pattern,
                                  task<> (previews::*route)(http::exchange&)) {
    router_.add(method, pattern, [this, route](http::exchange& x) { return (parts_.shown.*route)(x); });
  };
  add_preview("GET", "/api/spaces/{name}/ports/{port}", &previews::show);
  add_preview("PUT", "/api/spaces/{name}/ports/{port}", &previews::change);
  add_preview("POST", "/api/spaces/{name}/ports/{port}/links", &previews::make_link);
  add_preview("*", proxied, &previews::serve_below_path);
}

task<> service::handle(http::exchange& x) {
  const auto& head = x.head();
  // Nothing of ours is ever at a preview's address: it is another origin, and its pages are a space's.
  if (auto elsewhere = parts_.shown.address_of(head)) {
    co_await parts_.shown.serve(x, std::move(*elsewhere));
    co_return;
  }
  auto found = router_.find(head.method, head.path);
  // Every route but two (health, and the one that takes a ticket in its body) needs the key, however its path
  // is spelled (`/%61pi/spaces`), and everything below /api, also what is not there: who has none learns
  // nothing.
  const bool below_api = !found.pattern.empty() || head.path == "/api" || head.path.starts_with("/api/");
  const bool open = found.pattern == "/api/health" || found.pattern == "/api/sessions" || !below_api;
  if (!open && !has_ticket(x, found.pattern)) check_key(x);
  if (found.target != nullptr) {
    x.set_path_parameters(std::move(found.parameters));
    co_await (*found.target)(x);
  } else if (!found.allow.empty()) {
    http::response answer = to_response(std::make_exception_ptr(
        error(errc::method_not_allowed,
              fmt::format("{} is not allowed here; allowed: {}", head.method, found.allow))));
    answer.headers.add("Allow", found.allow);
    co_await x.respond(std::move(answer));
  } else {
    co_await answer_elsewhere(x);
  }
}

task<> service::answer_elsewhere(http::exchange& x) const {
  const auto& head = x.head();
  if (!settings_.files.contains(head.path))
    throw error(errc::route_not_found, fmt::format("there is nothing at {}", head.path));
  if (head.method != "GET" && head.method != "HEAD") {
    http::response answer = to_response(std::make_exception_ptr(error(
        errc::method_not_allowed, fmt::format("{} is not allowed here; allowed: GET, HEAD", head.method))));
    answer.headers.add("Allow", "GET, HEAD");
    co_await x.respond(std::move(answer));
    co_return;
  }
  co_await settings_.files.serve(x);
}

// A WebSocket's handshake, for which a browser can set no header, and nothing else.
bool service::has_ticket(http::exchange& x, std::string_view pattern) {
  const auto& headers = x.head().headers;
  const bool passed_on = pattern == proxied && headers.has_token("upgrade", "websocket");
  const bool ours = pattern.ends_with("/terminal") || pattern.ends_with("/tunnel/{port}");
  if (!ours && !passed_on) return false;
  if (passed_on ? carries_key(headers, settings_.key) : headers.contains("Authorization")) return false;
  const auto ticket = x.parameters().find("ticket");
  if (!ticket) return false;
  if (!tickets_.redeem(*ticket))
    throw error(errc::unauthorized,
                "the ticket was used before, or is older than the half minute that it is good for");
  return true;
}

void service::check_key(const http::exchange& x) const {
  constexpr std::string_view scheme = "Bearer ";
  if (carries_key(x.head().headers, settings_.key)) return;
  const auto given = x.head().headers.find("Authorization");
  if (!given) throw error(errc::unauthorized, "this needs the API key: Authorization: Bearer KEY");
  if (given->size() <= scheme.size() || !http::iequals(given->substr(0, scheme.size()), scheme))
    throw error(errc::unauthorized, "the Authorization header is not of the form: Bearer KEY");
  const auto word = given->substr(scheme.size());
  if (sessions_.is_good(word)) return;
  if (word.starts_with(session_prefix)) throw error(errc::unauthorized, "the session is over: sign in again");
  if (!equal_in_constant_time(word, settings_.key))
    throw error(errc::unauthorized, "the API key is not the one that this server was given");
}

} // namespace clawdspace::api
