#include <clawdspace/http/message.hpp>
#include <clawdspace/http/router.hpp>

#include <algorithm>
#include <optional>

namespace clawdspace::http {

namespace {

/// `/a//b` is "a", "", "b": an empty segment is one, and no parameter takes it.
std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  if (path.starts_with('/')) path.remove_prefix(1);
  for (;;) {
    const auto slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == path.npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool is_parameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

bool takes_rest(const std::vector<std::string>& segments) {
  return is_parameter(segments.back()) && segments.back().ends_with("*}");
}

/// Where the first that differs is a literal against a parameter, the literal is the better match; and what
/// takes the rest is the worse one.
bool is_better(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    if (is_parameter(a[i]) != is_parameter(b[i])) return is_parameter(b[i]);
  return takes_rest(b) && !takes_rest(a);
}

/// What stands behind the first so many segments and the slash after them.
std::string_view rest_of(std::string_view path, std::size_t segments) {
  if (path.starts_with('/')) path.remove_prefix(1);
  while (segments-- > 0) path.remove_prefix(path.find('/') + 1);
  return path;
}

} // namespace

void router::add(std::string_view method, std::string_view pattern, handler target) {
  const auto same =
      std::find_if(routes_.begin(), routes_.end(), [&](const route& r) { return r.pattern == pattern; });
  if (same != routes_.end()) {
    same->methods.emplace_back(method, std::move(target));
    return;
  }
  route added{.pattern = std::string(pattern), .segments = {}, .methods = {}};
  for (const auto segment : split(pattern)) added.segments.emplace_back(segment);
  added.methods.emplace_back(method, std::move(target));
  routes_.push_back(std::move(added));
}

router::match router::find(std::string_view method, std::string_view path) const {
  match found;
  const route* best = nullptr;
  std::vector<std::optional<std::string>> decoded;
  const auto segments = split(path);
  decoded.reserve(segments.size());
  for (const auto segment : segments) decoded.push_back(percent_decode(segment));

  for (const auto& r : routes_) {
    const bool open_ended = takes_rest(r.segments);
    const auto fixed = r.segments.size() - (open_ended ? 1 : 0);
    if (open_ended ? segments.size() <= fixed : segments.size() != fixed) continue;
    bool fits = true;
    for (std::size_t i = 0; fits && i < fixed; ++i)
      fits =
          decoded[i] && (is_parameter(r.segments[i]) ? !decoded[i]->empty() : *decoded[i] == r.segments[i]);
    if (fits && (!best || is_better(r.segments, best->segments))) best = &r;
  }
  if (!best) return found;
  found.pattern = best->pattern;
  for (std::size_t i = 0; i < best->segments.size(); ++i) {
    const auto& name = best->segments[i];
    if (!is_parameter(name)) continue;
    if (i + 1 == best->segments.size() && takes_rest(best->segments))
      found.parameters.emplace_back(name.substr(1, name.size() - 3), rest_of(path, i));
    else
      found.parameters.emplace_back(name.substr(1, name.size() - 2), *decoded[i]);
  }

  const auto target_of = [&](std::string_view wanted) -> const handler* {
    for (const auto& [name, target] : best->methods)
      if (name == wanted) return &target;
    return nullptr;
  };
  found.target = target_of(method);
  if (!found.target && method == "HEAD") found.target = target_of("GET");
  if (found.target) return found;
  for (const auto& [name, target] : best->methods) {
    if (!found.allow.empty()) found.allow += ", ";
    found.allow += name;
    if (name == "GET" && !target_of("HEAD")) found.allow += ", HEAD";
  }
  return found;
}

} // namespace clawdspace::http
