#include "key_check.hpp"

#include "constant_time.hpp"
#include <clawdspace/api/sessions.hpp>

namespace clawdspace::api {

namespace {

constexpr std::string_view scheme = "Bearer ";

/// Empty where the line is no bearer token.
std::string_view bearer_of(const http::field& line) {
  const std::string_view value = line.value;
  const bool is_bearer = http::iequals(line.name, "authorization") && value.size() > scheme.size() &&
                         http::iequals(value.substr(0, scheme.size()), scheme);
  return is_bearer ? value.substr(scheme.size()) : std::string_view();
}

bool is_key(const http::field& line, std::string_view key) {
  const std::string_view given = http::iequals(line.name, "x-api-key") ? line.value : bearer_of(line);
  return !given.empty() && equal_in_constant_time(given, key);
}

/// A session's token is worth as much as the key.
bool is_secret(const http::field& line, std::string_view key) {
  return is_key(line, key) || bearer_of(line).starts_with(session_prefix);
}

} // namespace

bool carries_key(const http::fields& headers, std::string_view key) {
  for (const auto& line : headers)
    if (is_key(line, key)) return true;
  return false;
}

void remove_key(http::fields& headers, std::string_view key) {
  http::fields kept;
  for (const auto& line : headers)
    if (!is_secret(line, key)) kept.add(line.name, line.value);
  headers = std::move(kept);
}

} // namespace clawdspace::api
