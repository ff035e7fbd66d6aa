#include <clawdspace/http/fields.hpp>
#include <clawdspace/proxy/preview.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace clawdspace::proxy {

namespace {

constexpr std::string_view always = "localhost";

std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (text.empty() || text.front() == '0') return std::nullopt; // one spelling of each
  std::uint16_t port = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 56 && text.front() != '-' && text.back() != '-' &&
         std::ranges::all_of(
             text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

std::string_view without_port(std::string_view host) {
  const auto colon = host.rfind(':');
  if (colon == host.npos || host.ends_with(']')) return host;
  return host.substr(0, colon);
}

} // namespace

std::optional<preview_host> parse_preview_host(std::string_view host, std::string_view domain) {
  host = without_port(host);
  if (host.ends_with('.')) host.remove_suffix(1); // the root, said aloud
  const auto dot = host.find('.');
  if (dot == host.npos) return std::nullopt;
  const auto parent = host.substr(dot + 1);
  const bool ours = http::iequals(parent, always) || (!domain.empty() && http::iequals(parent, domain));
  if (!ours) return std::nullopt;
  const auto label = host.substr(0, dot);
  const auto dashes = label.find("--");
  if (dashes == label.npos) return std::nullopt;
  const auto port = parse_port(label.substr(0, dashes));
  std::string name(label.substr(dashes + 2));
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  if (!port || !is_name(name)) return std::nullopt;
  return preview_host{*port, std::move(name)};
}

std::optional<preview_host> parse_preview_origin(std::string_view origin, std::string_view domain) {
  const auto end = origin.find("://");
  if (end == origin.npos) return std::nullopt;
  return parse_preview_host(origin.substr(end + 3), domain);
}

std::string to_preview_host(const preview_host& what, std::string_view domain, std::string_view host) {
  const auto port = host.substr(without_port(host).size());
  return fmt::format("{}--{}.{}{}", what.port, what.space, domain.empty() ? always : domain, port);
}

} // namespace clawdspace::proxy
