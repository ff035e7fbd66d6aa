#include "preview_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace clawdspace::api {

using http::fields;
using http::iequals;

namespace {

// What a browser keeps for an origin, or lets act on all of it.
constexpr std::array<std::string_view, 12> acts_on_origin{
    "set-cookie", "clear-site-data",     "service-worker-allowed", "alt-svc", "strict-transport-security",
    "nel",        "report-to",           "reporting-endpoints",    "refresh", "public-key-pins",
    "accept-ch",  "origin-agent-cluster"};

bool is_one_of_those(std::string_view name) {
  return std::ranges::any_of(acts_on_origin, [&](std::string_view each) { return iequals(each, name); });
}

std::string below(std::string_view location, std::string_view prefix, std::string_view host) {
  for (const std::string_view scheme : {"http://", "https://"})
    if (!host.empty() && location.starts_with(scheme) && location.substr(scheme.size()).starts_with(host) &&
        location.substr(scheme.size() + host.size()).starts_with('/')) {
      location.remove_prefix(scheme.size() + host.size());
      break;
    }
  const bool of_path = location.starts_with('/') && !location.starts_with("//");
  const bool there = location.starts_with(prefix) && location.substr(prefix.size()).starts_with('/');
  return of_path && !there ? fmt::format("{}{}", prefix, location) : std::string(location);
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string without_domain(std::string_view cookie) {
  std::string kept;
  for (bool first = true;; first = false) {
    const auto end = std::min(cookie.find(';'), cookie.size());
    const auto part = cookie.substr(0, end);
    const auto name = trim(part.substr(0, part.find('=')));
    if (first || !iequals(name, "domain")) kept.append(first ? "" : ";").append(part);
    if (end == cookie.size()) return kept;
    cookie.remove_prefix(end + 1);
  }
}

} // namespace

void confine(fields& answer, std::string_view prefix, std::string_view host) {
  fields kept;
  for (const auto& line : answer) {
    if (is_one_of_those(line.name)) continue;
    kept.add(line.name, iequals(line.name, "location") ? below(line.value, prefix, host) : line.value);
  }
  // Beside whatever policy there is already: each can only take away.
  kept.add("Content-Security-Policy", "sandbox");
  kept.set("X-Content-Type-Options", "nosniff");
  answer = std::move(kept);
}

void keep_cookies_to_host(fields& answer) {
  if (!answer.contains("set-cookie")) return;
  fields kept;
  for (const auto& line : answer)
    kept.add(line.name, iequals(line.name, "set-cookie") ? without_domain(line.value) : line.value);
  answer = std::move(kept);
}

bool wants_page(const http::request_head& head) {
  if (head.method != "GET" && head.method != "HEAD") return false;
  return head.headers.find("accept").value_or("").find("text/html") != std::string_view::npos;
}

http::response entry_page(std::string_view why) {
  http::response answer;
  answer.status = 401;
  answer.headers = {{"Content-Type", "text/html; charset=utf-8"},
                    {"Cache-Control", "no-store"},
                    {"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"}};
  answer.body =
      fmt::format("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
                  "<meta name=\"viewport\" content=\"width=device-width\"><title>Private preview</title>\n"
                  "<style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:20vh auto;"
                  "padding:0 1rem}}</style>\n<h1>This preview is private</h1>\n<p>{}</p>\n",
                  why);
  return answer;
}

} // namespace clawdspace::api
