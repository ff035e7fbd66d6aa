#pragma once

#include <clawdspace/http/fields.hpp>
#include <clawdspace/http/message.hpp>

#include <functional>
#include <string>
#include <string_view>

// Which header lines go through a proxy (RFC 9110 section 7.6), and which it says itself.

namespace clawdspace::proxy {

/// Those that are for the next hop alone, the ones that `Connection` names included, and what frames the
/// message, are left out.
http::fields end_to_end(const http::fields& lines);

/// Trailers, without what must not come behind a body: framing, routing, who may pass (RFC 9110
/// section 6.5.1).
http::fields safe_trailers(const http::fields& lines);

/// The protocol that a request asks to switch to, where that is to be passed on: not h2c, whose frames would
/// hide requests from every rule here.
std::string_view upgrade_of(const http::request_head& head);

/// Where a request came from, for the server that it goes on to.
struct provenance {
  std::string_view client; ///< its address
  std::string_view scheme; ///< http, or what a trusted proxy in front says
  std::string_view prefix; ///< of the path, that the server does not see; empty for none
  bool trusted = false;    ///< the client is a proxy that is believed: what it says is kept
};

/// Puts `X-Forwarded-For`, `-Proto`, `-Host` and `-Prefix` in place of what was forged of them, and of
/// `Forwarded`.
void tell_provenance(http::fields& lines, const http::request_head& head, const provenance& from);

/// Takes one cookie out of every `Cookie` line.
void remove_cookie(http::fields& lines, std::string_view name);
std::string_view cookie_of(const http::fields& lines, std::string_view name);

/// The query without every parameter of that name, the rest unchanged.
std::string without_parameter(std::string_view query, std::string_view name);

} // namespace clawdspace::proxy
