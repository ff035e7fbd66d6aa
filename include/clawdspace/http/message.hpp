#pragma once

#include <clawdspace/http/fields.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clawdspace::http {

/// The head of a request (RFC 9112 sections 2 to 3), checked: a legal method token, an origin-form or
/// absolute-form target, one legal Host, unambiguous framing.
struct request_head {
  std::string method;
  std::string target;    ///< as it was sent
  std::string path;      ///< the target's path, still percent-encoded
  std::string query;     ///< what follows the first `?`, still encoded
  int version_minor = 1; ///< HTTP/1.0 or 1.1
  fields headers;

  bool keep_alive = true;
  bool expects_continue = false;
  bool chunked = false;
  std::optional<std::uint64_t> content_length; ///< without it and without chunked there is no body

  [[nodiscard]] bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

/// The head of a response, as it is read from a server (the Engine, or one in a space).
struct response_head {
  int status = 0;
  std::string reason;
  fields headers;
  bool keep_alive = true;
  std::optional<std::uint64_t> content_length; ///< as it says, also where there is no body
};

/// A whole response with a body of known length.
struct response {
  int status = 200;
  fields headers;
  std::string body;
};

/// `OK` for 200 and so on (RFC 9110 section 15).
std::string_view reason_phrase(int status) noexcept;

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7).
std::string to_http_date(std::int64_t unix_seconds);
std::optional<std::int64_t> from_http_date(std::string_view text);

/// Decodes %XX once. Nothing where an escape is malformed. `plus_is_space` for queries.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
std::string percent_encode(std::string_view text);

} // namespace clawdspace::http
