#include <clawdspace/proxy/headers.hpp>

#include <algorithm>
#include <array>

namespace clawdspace::proxy {

using http::field;
using http::fields;
using http::iequals;

namespace {

template <std::size_t Size>
bool is_one_of(std::string_view name, const std::array<std::string_view, Size>& those) {
  return std::ranges::any_of(those, [&](std::string_view each) { return iequals(each, name); });
}

constexpr std::array<std::string_view, 11> hop_by_hop{"connection",
                                                      "keep-alive",
                                                      "proxy-connection",
                                                      "proxy-authenticate",
                                                      "proxy-authorization",
                                                      "te",
                                                      "upgrade",
                                                      "transfer-encoding",
                                                      "proxy-authentication-info",
                                                      "content-length",
                                                      "http2-settings"};

// `Connection` cannot take these away: who a request is for and what its body is are not for a hop to say.
constexpr std::array<std::string_view, 5> never_nominated{"host", "cookie", "set-cookie", "trailer",
                                                          "content-type"};

constexpr std::array<std::string_view, 13> never_trailers{
    "transfer-encoding", "content-length", "host",       "trailer",          "authorization", "cookie",
    "set-cookie",        "content-type",   "connection", "content-encoding", "content-range", "location",
    "x-api-key"};

constexpr std::array<std::string_view, 5> told_by_us{"forwarded", "x-forwarded-for", "x-forwarded-proto",
                                                     "x-forwarded-host", "x-forwarded-prefix"};

/// Calls `each` with every piece between separators, without the white space around it.
template <class Each> void for_each_piece(std::string_view text, char separator, Each each) {
  for (;;) {
    const auto end = std::min(text.find(separator), text.size());
    auto piece = text.substr(0, end);
    while (!piece.empty() && (piece.front() == ' ' || piece.front() == '\t')) piece.remove_prefix(1);
    while (!piece.empty() && (piece.back() == ' ' || piece.back() == '\t')) piece.remove_suffix(1);
    each(piece);
    if (end == text.size()) return;
    text.remove_prefix(end + 1);
  }
}

std::string_view name_of(std::string_view pair) { return pair.substr(0, pair.find('=')); }

template <class Which> void remove_if(fields& lines, Which which) {
  fields kept;
  for (const auto& line : lines)
    if (!which(line)) kept.add(line.name, line.value);
  lines = std::move(kept);
}

} // namespace

fields end_to_end(const fields& lines) {
  const bool nominates = lines.contains("connection");
  fields kept;
  for (const auto& line : lines) {
    if (is_one_of(line.name, hop_by_hop)) continue;
    if (nominates && !is_one_of(line.name, never_nominated) && lines.has_token("connection", line.name))
      continue;
    kept.add(line.name, line.value);
  }
  return kept;
}

fields safe_trailers(const fields& lines) {
  auto kept = end_to_end(lines);
  remove_if(kept, [](const field& line) { return is_one_of(line.name, never_trailers); });
  return kept;
}

std::string_view upgrade_of(const http::request_head& head) {
  if (head.version_minor == 0 || head.has_body() || !head.headers.has_token("connection", "upgrade"))
    return {};
  const auto wanted = head.headers.find("upgrade");
  if (!wanted || head.headers.count("upgrade") > 1 || iequals(*wanted, "h2c")) return {};
  if (wanted->find(',') != wanted->npos) return {}; // a list: h2c may hide in it, and nobody sends one
  return *wanted;
}

void tell_provenance(fields& lines, const http::request_head& head, const provenance& from) {
  const auto said = [&](std::string_view name) {
    return from.trusted ? std::string(lines.find(name).value_or("")) : std::string();
  };
  auto clients = said("x-forwarded-for");
  auto scheme = said("x-forwarded-proto");
  auto host = said("x-forwarded-host");
  auto prefix = said("x-forwarded-prefix");
  remove_if(lines, [](const field& line) { return is_one_of(line.name, told_by_us); });
  clients.append(clients.empty() ? "" : ", ").append(from.client);
  lines.add("X-Forwarded-For", std::move(clients));
  lines.add("X-Forwarded-Proto", scheme.empty() ? std::string(from.scheme) : std::move(scheme));
  if (host.empty()) host = head.headers.find("host").value_or("");
  if (!host.empty()) lines.add("X-Forwarded-Host", std::move(host));
  prefix += from.prefix;
  if (!prefix.empty()) lines.add("X-Forwarded-Prefix", std::move(prefix));
}

void remove_cookie(fields& lines, std::string_view name) {
  if (cookie_of(lines, name).empty()) return;
  fields kept;
  for (const auto& line : lines) {
    if (!iequals(line.name, "cookie")) {
      kept.add(line.name, line.value);
      continue;
    }
    std::string rest;
    for_each_piece(line.value, ';', [&](std::string_view pair) {
      if (pair.empty() || name_of(pair) == name) return;
      rest.append(rest.empty() ? "" : "; ").append(pair);
    });
    if (!rest.empty()) kept.add(line.name, std::move(rest));
  }
  lines = std::move(kept);
}

std::string_view cookie_of(const fields& lines, std::string_view name) {
  std::string_view found;
  for (const auto& line : lines) {
    if (!iequals(line.name, "cookie")) continue;
    for_each_piece(line.value, ';', [&](std::string_view pair) {
      if (name_of(pair) == name && pair.size() > name.size() + 1 && found.empty())
        found = pair.substr(name.size() + 1);
    });
  }
  return found;
}

std::string without_parameter(std::string_view query, std::string_view name) {
  if (query.find(name) == query.npos) return std::string(query);
  std::string kept;
  bool first = true;
  for (;;) {
    const auto end = std::min(query.find('&'), query.size());
    const auto pair = query.substr(0, end);
    if (name_of(pair) != name) {
      kept.append(first ? "" : "&").append(pair);
      first = false;
    }
    if (end == query.size()) return kept;
    query.remove_prefix(end + 1);
  }
}

} // namespace clawdspace::proxy
