#pragma once

#include <clawdspace/core/result.hpp>
#include <clawdspace/http/websocket.hpp>

#include <string>

namespace clawdspace::http {

/// What a WebSocket's opening handshake is answered with.
struct websocket_agreement {
  std::string accept;   ///< the value of Sec-WebSocket-Accept
  std::string protocol; ///< empty for none
};

/// Checks a client's opening handshake (RFC 6455 section 4.2.1). Fails with errc::upgrade_required for a
/// request that is none, or one of another version; errc::malformed_request for one that is wrong;
/// errc::origin_refused.
result<websocket_agreement> agree_on_websocket(const request_head& head, const websocket_options& options);

} // namespace clawdspace::http
