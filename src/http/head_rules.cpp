#include "head_rules.hpp"

#include <algorithm>

namespace clawdspace::http {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/// uri-host [":" port] of RFC 3986 section 3.2, not empty (RFC 9110 section 4.2.1), without userinfo.
bool is_authority(std::string_view text) {
  if (text.empty()) return false;
  std::string_view port;
  if (text.front() == '[') {
    const auto end = text.find(']');
    if (end == text.npos || end == 1) return false;
    const auto address = text.substr(1, end - 1);
    if (!std::all_of(address.begin(), address.end(),
                     [](char c) { return is_hex(c) || c == ':' || c == '.'; }))
      return false;
    port = text.substr(end + 1);
    if (!port.empty() && port.front() != ':') return false;
  } else {
    const auto colon = text.find(':');
    const auto host = text.substr(0, colon);
    if (host.empty()) return false;
    constexpr std::string_view others = "-._~!$&'()*+,;=";
    for (std::size_t i = 0; i < host.size(); ++i) {
      if (host[i] == '%') {
        if (host.size() - i < 3 || !is_hex(host[i + 1]) || !is_hex(host[i + 2])) return false;
      } else if (!is_alpha(host[i]) && !is_digit(host[i]) && others.find(host[i]) == others.npos) {
        return false;
      }
    }
    if (colon != text.npos) port = text.substr(colon);
  }
  if (port.empty()) return true;
  port.remove_prefix(1);
  return port.size() <= 5 && std::all_of(port.begin(), port.end(), is_digit);
}

std::optional<refusal> check_target(request_head& head) {
  std::string_view target = head.target;
  if (head.method == "CONNECT") return refusal{501, "CONNECT is not served"};
  // What would have to be escaped, and a fragment, which is never sent (RFC 9112 section 3.2).
  for (const char c : target)
    if (c <= ' ' || c >= 0x7f || c == '#') return refusal{400, "illegal character in the request target"};

  if (target == "*") {
    if (head.method != "OPTIONS") return refusal{400, "the target '*' is for OPTIONS only"};
    head.path = "*";
    return std::nullopt;
  }
  if (!target.starts_with('/')) {
    const auto scheme = target.find("://");
    if (scheme == target.npos ||
        (!iequals(target.substr(0, scheme), "http") && !iequals(target.substr(0, scheme), "https")))
      return refusal{400, "the request target is neither a path nor an http URI"};
    target.remove_prefix(scheme + 3);
    const auto authority = target.substr(0, target.find_first_of("/?"));
    if (!is_authority(authority)) return refusal{400, "illegal host in the request target"};
    target.remove_prefix(authority.size());
  }
  const auto mark = target.find('?');
  head.path = target.substr(0, mark);
  if (head.path.empty()) head.path = "/";
  head.query = mark == target.npos ? std::string_view{} : target.substr(mark + 1);
  return std::nullopt;
}

/// The framing that both directions share: `Transfer-Encoding: chunked`, or a Content-Length, or neither.
std::optional<refusal> check_framing(const fields& headers, int version_minor, bool& chunked) {
  chunked = false;
  const auto lengths = headers.count("content-length");
  if (lengths > 1) return refusal{400, "more than one Content-Length"};
  if (lengths == 1) {
    const auto length = *headers.find("content-length");
    if (length.empty() || !std::all_of(length.begin(), length.end(), is_digit))
      return refusal{400, "the Content-Length is not a number"};
  }
  const auto encodings = headers.count("transfer-encoding");
  if (encodings == 0) return std::nullopt;
  if (version_minor == 0) return refusal{400, "Transfer-Encoding in HTTP/1.0"};
  if (lengths > 0) return refusal{400, "both Transfer-Encoding and Content-Length"};
  if (encodings > 1 || !iequals(*headers.find("transfer-encoding"), "chunked"))
    return refusal{501, "the only Transfer-Encoding that is served is 'chunked'"};
  chunked = true;
  return std::nullopt;
}

bool wants_keep_alive(const fields& headers, int version_minor) {
  if (headers.has_token("connection", "close")) return false;
  return version_minor >= 1 || headers.has_token("connection", "keep-alive");
}

std::optional<refusal> check_names(const fields& headers) {
  for (const auto& line : headers)
    if (line.name.empty()) return refusal{400, "a header without a name"};
  return std::nullopt;
}

} // namespace

std::optional<refusal> check_request_head(request_head& head) {
  if (auto bad = check_names(head.headers)) return bad;
  if (auto bad = check_target(head)) return bad;
  const auto hosts = head.headers.count("host");
  if (hosts > 1) return refusal{400, "more than one Host"};
  if (hosts == 0 && head.version_minor >= 1) return refusal{400, "no Host"};
  if (hosts == 1 && !is_authority(*head.headers.find("host"))) return refusal{400, "illegal Host"};
  if (auto bad = check_framing(head.headers, head.version_minor, head.chunked)) return bad;
  head.keep_alive = wants_keep_alive(head.headers, head.version_minor);
  head.expects_continue = head.version_minor >= 1 && head.headers.has_token("expect", "100-continue");
  return std::nullopt;
}

std::optional<refusal> check_response_head(response_head& head, int version_minor, bool& chunked) {
  if (auto bad = check_names(head.headers)) return bad;
  if (auto bad = check_framing(head.headers, version_minor, chunked)) return bad;
  head.keep_alive = wants_keep_alive(head.headers, version_minor);
  return std::nullopt;
}

} // namespace clawdspace::http
