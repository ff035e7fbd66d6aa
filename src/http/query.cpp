#include <clawdspace/http/message.hpp>
#include <clawdspace/http/query.hpp>

namespace clawdspace::http {

result<query> query::parse(std::string_view encoded) {
  query parsed;
  while (!encoded.empty()) {
    const auto end = encoded.find('&');
    const auto pair = encoded.substr(0, end);
    encoded.remove_prefix(end == encoded.npos ? encoded.size() : end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    auto name = percent_decode(pair.substr(0, equals), true);
    auto value = percent_decode(equals == pair.npos ? std::string_view{} : pair.substr(equals + 1), true);
    if (!name || !value)
      return failure(errc::malformed_request,
                     "malformed percent escape in the query, at '" + std::string(pair.substr(0, 64)) + "'");
    parsed.pairs_.emplace_back(std::move(*name), std::move(*value));
  }
  return parsed;
}

std::optional<std::string_view> query::find(std::string_view name) const {
  for (const auto& [key, value] : pairs_)
    if (key == name) return value;
  return std::nullopt;
}

std::vector<std::string> query::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : pairs_)
    if (key == name) values.push_back(value);
  return values;
}

} // namespace clawdspace::http
