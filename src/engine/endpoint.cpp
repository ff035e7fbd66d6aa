#include <clawdspace/engine/endpoint.hpp>

#include <fmt/format.h>

#include <charconv>
#include <sys/un.h>

namespace clawdspace::engine {

namespace {

constexpr std::string_view unix_scheme = "unix://";
constexpr std::string_view tcp_scheme = "tcp://";

tl::unexpected<error> refuse(std::string_view text, std::string_view why) {
  return failure(errc::invalid_field, fmt::format("\"{}\" is not an Engine's address: {}", text, why));
}

} // namespace

result<endpoint> endpoint::parse(std::string_view text) {
  endpoint parsed;
  if (text.starts_with(unix_scheme)) {
    const auto path = text.substr(unix_scheme.size());
    if (!path.starts_with('/')) return refuse(text, "a unix socket needs an absolute path (unix:///path)");
    if (const auto nul = text.find('\0'); nul != std::string_view::npos)
      return refuse(text.substr(0, nul), "what follows is a NUL, which no path has");
    if (path.size() >= sizeof(sockaddr_un::sun_path))
      return refuse(text,
                    fmt::format("a socket's path has at most {} bytes", sizeof(sockaddr_un::sun_path) - 1));
    parsed.socket_path = path;
    return parsed;
  }
  if (!text.starts_with(tcp_scheme)) {
    if (text.starts_with("ssh://"))
      return refuse(text, "ssh:// is not spoken; forward the socket (ssh -L) and name it with unix://");
    if (text.starts_with("https://") || text.starts_with("http://"))
      return refuse(text, "TLS is not spoken, and plain TCP is written tcp://HOST:PORT");
    return refuse(text, "it is written unix:///PATH or tcp://HOST:PORT");
  }

  auto rest = text.substr(tcp_scheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  std::string_view port;
  if (rest.starts_with('[')) {
    const auto close = rest.find(']');
    if (close == std::string_view::npos) return refuse(text, "the bracket of an IPv6 address is not closed");
    parsed.host = rest.substr(1, close - 1);
    port = rest.substr(close + 1);
    if (!port.starts_with(':')) return refuse(text, "the port is missing (Docker's own is 2375)");
    port.remove_prefix(1);
  } else {
    const auto colon = rest.find(':');
    if (colon == std::string_view::npos) return refuse(text, "the port is missing (Docker's own is 2375)");
    parsed.host = rest.substr(0, colon);
    port = rest.substr(colon + 1);
    if (port.find(':') != std::string_view::npos)
      return refuse(text, "an IPv6 address stands in brackets (tcp://[::1]:2375)");
  }
  if (parsed.host.empty()) return refuse(text, "the host is missing");
  if (parsed.host.find_first_of("/?#@% ") != std::string::npos)
    return refuse(text, "only a host and a port are understood");
  const auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), parsed.port);
  if (ec != std::errc{} || end != port.data() + port.size() || parsed.port == 0)
    return refuse(text, "the port is a number from 1 to 65535");
  return parsed;
}

std::string endpoint::to_string() const {
  if (is_local()) return fmt::format("unix://{}", socket_path);
  return host.find(':') == std::string::npos ? fmt::format("tcp://{}:{}", host, port)
                                             : fmt::format("tcp://[{}]:{}", host, port);
}

} // namespace clawdspace::engine
