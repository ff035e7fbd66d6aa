#include "handshake.hpp"

#include "sha1.hpp"
#include <clawdspace/http/fields.hpp>

#include <algorithm>
#include <optional>

namespace clawdspace::http {

namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

template <std::size_t Size> std::string to_base64(const std::array<std::uint8_t, Size>& raw) {
  std::string text;
  for (std::size_t i = 0; i < Size; i += 3) {
    const auto left = std::min<std::size_t>(3, Size - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) group = (group << 8) | (j < left ? raw[i + j] : 0);
    for (std::size_t j = 0; j < 4; ++j) text += j <= left ? alphabet[(group >> (18 - 6 * j)) & 63] : '=';
  }
  return text;
}

/// Whether it is 16 bytes in base64.
bool is_key(std::string_view text) {
  return text.size() == 24 && text.ends_with("==") &&
         text.substr(0, 22).find_first_not_of(alphabet) == text.npos;
}

/// Leaves out a port that the scheme implies.
std::string_view without_default_port(std::string_view authority, std::string_view scheme) {
  for (const auto& [name, port] :
       {std::pair<std::string_view, std::string_view>{"http", ":80"}, {"https", ":443"}})
    if (iequals(scheme, name) && authority.ends_with(port)) authority.remove_suffix(port.size());
  return authority;
}

bool is_same_origin(std::string_view origin, const request_head& head) {
  const auto end = origin.find("://");
  const auto host = head.headers.find("host");
  if (end == origin.npos || !host) return false;
  const auto scheme = origin.substr(0, end);
  return iequals(without_default_port(origin.substr(end + 3), scheme), without_default_port(*host, scheme));
}

std::optional<std::string> first_offered(const fields& headers, const std::vector<std::string>& spoken) {
  for (const auto& line : headers) {
    if (!iequals(line.name, "sec-websocket-protocol")) continue;
    std::string_view rest = line.value;
    while (!rest.empty()) {
      const auto comma = std::min(rest.find(','), rest.size());
      const auto offered = trim(rest.substr(0, comma));
      if (std::find(spoken.begin(), spoken.end(), offered) != spoken.end()) return std::string(offered);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return std::nullopt;
}

} // namespace

result<websocket_agreement> agree_on_websocket(const request_head& head, const websocket_options& options) {
  const auto& headers = head.headers;
  if (head.method != "GET") return failure(errc::malformed_request, "a WebSocket is asked for with GET");
  if (!headers.has_token("upgrade", "websocket"))
    return failure(errc::upgrade_required, "this is a WebSocket: the request needs 'Upgrade: websocket'");
  if (head.version_minor < 1) return failure(errc::malformed_request, "a WebSocket needs HTTP/1.1");
  if (!headers.has_token("connection", "upgrade"))
    return failure(errc::malformed_request, "a WebSocket's request needs 'Connection: Upgrade'");
  if (head.has_body()) return failure(errc::malformed_request, "a WebSocket's request has no body");
  if (headers.count("sec-websocket-version") > 1)
    return failure(errc::malformed_request, "more than one Sec-WebSocket-Version");
  if (headers.find("sec-websocket-version") != "13")
    return failure(errc::upgrade_required, "the only version of WebSocket that is spoken is 13");
  const auto key = headers.find("sec-websocket-key");
  if (headers.count("sec-websocket-key") != 1 || !is_key(*key))
    return failure(errc::malformed_request,
                   "a WebSocket's request needs one Sec-WebSocket-Key of 16 bytes in base64");
  if (headers.count("origin") > 1) return failure(errc::malformed_request, "more than one Origin");
  if (const auto origin = headers.find("origin")) {
    const bool allowed =
        options.allows_origin ? options.allows_origin(*origin, head) : is_same_origin(*origin, head);
    if (!allowed)
      return failure(errc::origin_refused, "pages of '" + std::string(*origin) + "' may not connect here");
  }
  constexpr std::string_view magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455 section 1.3
  return websocket_agreement{.accept = to_base64(sha1(std::string(*key).append(magic))),
                             .protocol = first_offered(headers, options.protocols).value_or("")};
}

} // namespace clawdspace::http
