#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clawdspace::proxy {

/// A port of a space, as a host name has it: `3000--web.localhost`.
struct preview_host {
  std::uint16_t port = 0;
  std::string space;

  friend bool operator==(const preview_host&, const preview_host&) = default;
};

/// What a `Host` header asks for, whatever its own port: `PORT--NAME.localhost`, or of `domain` where that is
/// not empty. Nothing where it is another host's name, which includes a port or a name that cannot be one.
std::optional<preview_host> parse_preview_host(std::string_view host, std::string_view domain);

/// The same of an `Origin`.
std::optional<preview_host> parse_preview_origin(std::string_view origin, std::string_view domain);

/// `3000--web.example.org:7070`: with the port that `host`, the name that the client used for us, has.
std::string to_preview_host(const preview_host& what, std::string_view domain, std::string_view host);

} // namespace clawdspace::proxy
