#include "key_check.hpp"

#include "constant_time.hpp"

namespace clawdspace::api {

namespace {

constexpr std::string_view scheme = "Bearer ";

bool is_key(const http::field& line, std::string_view key) {
  const std::string_view value = line.value;
  if (http::iequals(line.name, "x-api-key")) return equal_in_constant_time(value, key);
  return http::iequals(line.name, "authorization") && value.size() > scheme.size() &&
         http::iequals(value.substr(0, scheme.size()), scheme) &&
         equal_in_constant_time(value.substr(scheme.size()), key);
}

} // namespace

bool carries_key(const http::fields& headers, std::string_view key) {
  for (const auto& line : headers)
    if (is_key(line, key)) return true;
  return false;
}

void remove_key(http::fields& headers, std::string_view key) {
  if (!carries_key(headers, key)) return;
  http::fields kept;
  for (const auto& line : headers)
    if (!is_key(line, key)) kept.add(line.name, line.value);
  headers = std::move(kept);
}

} // namespace clawdspace::api
