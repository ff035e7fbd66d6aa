#include "key_check.hpp"
#include "preview_rules.hpp"
#include <clawdspace/api/bodies.hpp>
#include <clawdspace/api/json.hpp>
#include <clawdspace/api/previews.hpp>
#include <clawdspace/proxy/headers.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace clawdspace::api {

namespace json = boost::json;
using namespace std::chrono_literals;
using proxy::passes;
using proxy::preview_host;

namespace {

constexpr std::string_view cookie_name = "clawdspace_preview";
constexpr std::string_view link_parameter = "clawdspace_link";
constexpr milliseconds link_life = 12h;
constexpr std::int64_t shortest_life = 1'000;
constexpr std::int64_t longest_life = 30LL * 24 * 3600 * 1000;

std::uint16_t port_of(const http::exchange& x) {
  const auto text = x.path_parameter("port");
  std::uint16_t port = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (ec != std::errc{} || end != text.data() + text.size() || port == 0)
    throw error(errc::invalid_field, fmt::format("port: \"{}\" is not a port from 1 to 65535", text));
  return port;
}

std::string with_query(std::string path, std::string_view query) {
  if (!query.empty()) path.append("?").append(query);
  return path;
}

/// Of the host name, for `Location`: never one that leads to another host.
std::string on_this_host(std::string path) { return path.starts_with("//") ? "/." + path : path; }

std::string path_in(const fields_of& fields) {
  auto path = fields.text("path").value_or("/");
  const bool good = path.starts_with('/') && std::ranges::all_of(path, [](char c) {
                      return c > ' ' && c < 0x7f && c != '#' && c != '\\';
                    });
  if (!good)
    refuse("path", "must begin with a slash, and have no fragment and nothing that is to be escaped");
  return path;
}

/// A use of a space by what merely stays open; one that sleeps is woken.
task<> use(spaces::registry& known, spaces::lifecycle& operations, spaces::space_ptr s) {
  known.touch(s);
  if (s->state == spaces::space_state::running && !s->falling_asleep) co_return;
  const auto awake = co_await operations.wake(s);
}

} // namespace

previews::previews(preview_parts below, preview_settings how)
    : parts_(std::move(below)), settings_(std::move(how)) {}

bool previews::trusts(std::string_view peer) const {
  return std::ranges::find(settings_.trusted, peer) != settings_.trusted.end();
}

std::string previews::scheme_of(const http::request_head& head, std::string_view peer) const {
  const auto said = head.headers.find("x-forwarded-proto");
  return said && trusts(peer) && http::iequals(*said, "https") ? "https" : "http";
}

std::optional<preview_host> previews::address_of(const http::request_head& head) const {
  return proxy::parse_preview_host(head.headers.find("host").value_or(""), settings_.domain);
}

std::string previews::url_of(const http::request_head& head, std::string_view peer,
                             const preview_host& what) const {
  auto host = head.headers.find("host").value_or("");
  if (const auto said = head.headers.find("x-forwarded-host"); said && trusts(peer)) host = *said;
  return fmt::format("{}://{}", scheme_of(head, peer), proxy::to_preview_host(what, settings_.domain, host));
}

// --- who may see it

previews::entry previews::entry_of(const http::exchange& x, const spaces::space_ptr& s,
                                   std::uint16_t port) const {
  if (carries_key(x.head().headers, settings_.key)) return entry::key;
  if (!s) return entry::none;
  if (s->settings.public_ports.contains(port)) return entry::open;
  const auto cookie = proxy::cookie_of(x.head().headers, cookie_name);
  const auto until = parts_.passes.check(passes::kind::cookie, s->self.id, port, cookie, parts_.time.now());
  return until != time_point{} ? entry::cookie : entry::none;
}

// Preview addresses are one site to a browser where their domain is on no list of public suffixes, so
// SameSite alone does not keep one space's pages from using what the visitor may see of another's.
void previews::check_site(const http::request_head& head, const preview_host& where) const {
  if (const auto origin = head.headers.find("origin")) {
    const auto from = proxy::parse_preview_origin(*origin, settings_.domain);
    if (from && from->space == where.space) return;
    throw error(errc::origin_refused,
                fmt::format("pages of '{}' may not use this preview; its port can be made public", *origin));
  }
  const auto site = head.headers.find("sec-fetch-site").value_or("none");
  const bool visit = head.headers.find("sec-fetch-mode").value_or("") == "navigate" &&
                     head.headers.find("sec-fetch-dest").value_or("") == "document";
  if (site == "none" || site == "same-origin" || visit) return;
  throw error(errc::origin_refused,
              "other sites' pages may not use this preview; its port can be made public");
}

task<bool> previews::take_link(http::exchange& x, spaces::space_ptr s, preview_host where) {
  const auto& head = x.head();
  if (!s || (head.method != "GET" && head.method != "HEAD")) co_return false;
  if (head.query.find(link_parameter) == std::string::npos) co_return false;
  const auto pass = x.parameters().find(link_parameter);
  const auto now = parts_.time.now();
  const auto until =
      pass ? parts_.passes.check(passes::kind::link, s->self.id, where.port, *pass, now) : time_point{};
  if (until == time_point{}) co_return false;
  const auto left = std::chrono::duration_cast<std::chrono::seconds>(until - now).count();
  http::response answer;
  answer.status = 303;
  answer.headers = {
      {"Location", on_this_host(with_query(head.path, proxy::without_parameter(head.query, link_parameter)))},
      {"Set-Cookie",
       fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{}", cookie_name,
                   parts_.passes.make(passes::kind::cookie, s->self.id, where.port, until),
                   std::max<std::int64_t>(left, 1), scheme_of(head, x.peer()) == "https" ? "; Secure" : "")},
      {"Cache-Control", "no-store"},
      {"Referrer-Policy", "no-referrer"}};
  co_await x.respond(std::move(answer));
  co_return true;
}

// --- the ways in

http::fields previews::headers_for_space(const http::exchange& x, std::string_view prefix) const {
  auto headers = proxy::end_to_end(x.head().headers);
  remove_key(headers, settings_.key);
  proxy::remove_cookie(headers, cookie_name);
  const auto scheme = scheme_of(x.head(), x.peer());
  proxy::tell_provenance(
      headers, x.head(),
      {.client = x.peer(), .scheme = scheme, .prefix = prefix, .trusted = trusts(x.peer())});
  return headers;
}

task<> previews::pass_on(http::exchange& x, spaces::space_ptr s, std::uint16_t port, proxy::errand how) {
  // Before the request is read: one to a space that sleeps is answered in one piece.
  const auto awake = std::make_shared<spaces::lease>(co_await parts_.operations.wake(s));
  how.head_time = settings_.head_time;
  // What merely stays open keeps it awake by what passes there.
  how.upgraded = [awake] { *awake = spaces::lease{}; };
  how.moved = [this, s] { parts_.known.touch(s); };
  how.wake = [this, s] { return use(parts_.known, parts_.operations, s); };
  proxy::destination to{.server = fmt::format("{}/{}/{}", s->self.id, s->container, port),
                        .connect = [this, s, port] { return parts_.connect(s->self.name, port); }};
  co_await proxy::forward(x, parts_.connections, std::move(to), std::move(how));
}

task<> previews::serve(http::exchange& x, preview_host where) {
  const auto s = parts_.known.find(where.space);
  const auto by = entry_of(x, s, where.port);
  // A link that was followed again leads on as well, and what it carries goes to no space.
  if (by != entry::key && co_await take_link(x, s, where)) co_return;
  if (by == entry::none) {
    constexpr auto why = "This preview is private: open it by a link that its owner makes "
                         "(POST /api/spaces/NAME/ports/PORT/links); links expire. Programs give the API key.";
    if (!wants_page(x.head())) throw error(errc::unauthorized, why);
    co_await x.respond(entry_page(why));
    co_return;
  }
  if (!s) [[maybe_unused]]
    const auto never = parts_.known.at(where.space); // throws: there is none
  if (by == entry::cookie) check_site(x.head(), where);
  proxy::errand how;
  how.target = with_query(x.head().path, proxy::without_parameter(x.head().query, link_parameter));
  how.headers = headers_for_space(x, {});
  how.edit_answer = keep_cookies_to_host;
  co_await pass_on(x, s, where.port, std::move(how));
}

task<> previews::serve_below_path(http::exchange& x) {
  const auto s = parts_.known.at(x.path_parameter("name"));
  const auto port = port_of(x);
  const auto& head = x.head();
  const auto prefix = fmt::format("/api/spaces/{}/ports/{}", s->self.name, port);
  const bool by_ticket = !carries_key(head.headers, settings_.key);
  proxy::errand how;
  how.target = with_query(fmt::format("/{}", x.path_parameter("path")),
                          by_ticket ? proxy::without_parameter(head.query, "ticket") : head.query);
  how.headers = headers_for_space(x, prefix);
  how.edit_answer = [prefix, host = std::string(head.headers.find("host").value_or(""))](
                        http::fields& answer) { confine(answer, prefix, host); };
  co_await pass_on(x, s, port, std::move(how));
}

// --- about ports

task<> previews::respond_with_port(http::exchange& x, spaces::space_ptr s, std::uint16_t port) {
  co_await x.respond(json_response(200, json::object{
                                            {"port", port},
                                            {"public", s->settings.public_ports.contains(port)},
                                            {"url", url_of(x.head(), x.peer(), {port, s->self.name}) + "/"},
                                        }));
}

task<> previews::show(http::exchange& x) {
  co_await respond_with_port(x, parts_.known.at(x.path_parameter("name")), port_of(x));
}

task<> previews::change(http::exchange& x) {
  const auto s = parts_.known.at(x.path_parameter("name"));
  const auto port = port_of(x);
  const auto body = co_await read_json(x, settings_.body_limit);
  const fields_of fields(body, {"public"});
  const auto open = fields.boolean("public");
  if (!open) refuse("public", "must be given: true or false");
  spaces::change_request wanted;
  wanted.public_port = {port, *open};
  co_await parts_.operations.change(s, std::move(wanted));
  co_await respond_with_port(x, s, port);
}

task<> previews::make_link(http::exchange& x) {
  const auto s = parts_.known.at(x.path_parameter("name"));
  const auto port = port_of(x);
  const auto body = co_await read_json(x, settings_.body_limit);
  const fields_of fields(body, {"ttlMs", "path"});
  const milliseconds life(fields.integer("ttlMs", shortest_life, longest_life).value_or(link_life.count()));
  const auto path = path_in(fields);
  // In whole seconds, which is what the pass says.
  const auto until = std::chrono::time_point_cast<std::chrono::seconds>(parts_.time.now() + life);
  co_await x.respond(json_response(
      201, json::object{{"url", fmt::format("{}{}{}{}={}", url_of(x.head(), x.peer(), {port, s->self.name}),
                                            path, path.find('?') == path.npos ? '?' : '&', link_parameter,
                                            parts_.passes.make(passes::kind::link, s->self.id, port, until))},
                        {"expiresAt", to_rfc3339(until)}}));
}

} // namespace clawdspace::api
