#pragma once

#include <clawdspace/core/result.hpp>
#include <clawdspace/http/message.hpp>

#include <string>

namespace clawdspace::http {

/// Why a head is refused, and with which status.
struct refusal {
  int status = 400;
  std::string why;
};

/// What llhttp leaves to its user about a request's head: the target's form, Host, the framing (RFC 9112
/// sections 3.2 and 6). Fills `path`, `query`, `keep_alive`, `expects_continue` and `chunked` from the
/// target and the headers; `content_length` is already there.
std::optional<refusal> check_request_head(request_head& head);

/// The same for a response (section 6.3): sets `keep_alive`; `chunked` tells of its framing.
std::optional<refusal> check_response_head(response_head& head, int version_minor, bool& chunked);

} // namespace clawdspace::http
