#include "handshake.hpp"
#include <clawdspace/http/parser.hpp>

#include <doctest/doctest.h>

using namespace clawdspace;
using http::websocket_options;

namespace {

/// The example of RFC 6455 section 1.3, with other lines in place of some of it.
struct request {
  std::string line = "GET /chat HTTP/1.1";
  std::string upgrade = "Upgrade: websocket\r\n";
  std::string connection = "Connection: Upgrade\r\n";
  std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  std::string version = "Sec-WebSocket-Version: 13\r\n";
  std::string more = "";

  [[nodiscard]] http::request_head head() const {
    http::parser p(http::parser::role::server, {});
    const auto text =
        line + "\r\nHost: server.example\r\n" + upgrade + connection + key + version + more + "\r\n";
    const auto step = value_or_throw(p.feed(std::as_bytes(std::span(text))));
    REQUIRE(step.what == http::parse_step::kind::head);
    return p.request();
  }
};

/// `ok`, or the kind of refusal.
std::string outcome(const request& r, const websocket_options& options = {}) {
  const auto agreed = agree_on_websocket(r.head(), options);
  if (agreed) return "ok";
  switch (agreed.error().code()) {
  case errc::malformed_request:
    return "400";
  case errc::origin_refused:
    return "403";
  case errc::upgrade_required:
    return "426";
  default:
    return "?";
  }
}

} // namespace

TEST_CASE("the handshake of RFC 6455 is answered as it says") {
  const auto agreed = agree_on_websocket(request().head(), {});
  REQUIRE(agreed);
  CHECK(agreed->accept == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  CHECK(agreed->protocol.empty());
}

TEST_CASE("a handshake is taken or refused by the letter") {
  const std::string key = "Sec-WebSocket-Key: ";
  struct row {
    const char* what;
    request r;
    std::string_view gets;
  };
  const row rows[] = {
      {"as it is", {}, "ok"},
      {"names and tokens without case",
       {.upgrade = "UPGRADE: WebSocket\r\n", .connection = "connection: UPGRADE\r\n"},
       "ok"},
      {"in lists",
       {.upgrade = "Upgrade: h2c, websocket\r\n", .connection = "Connection: keep-alive, Upgrade\r\n"},
       "ok"},
      {"in lines of their own", {.connection = "Connection: keep-alive\r\nConnection: upgrade\r\n"}, "ok"},
      {"an extension that is offered", {.more = "Sec-WebSocket-Extensions: permessage-deflate\r\n"}, "ok"},
      {"an empty body", {.more = "Content-Length: 0\r\n"}, "ok"},
      {"another method", {.line = "POST /chat HTTP/1.1"}, "400"},
      {"HTTP/1.0", {.line = "GET /chat HTTP/1.0"}, "400"},
      {"no upgrade", {.upgrade = ""}, "426"},
      {"another upgrade", {.upgrade = "Upgrade: h2c\r\n"}, "426"},
      {"a word that only begins so", {.upgrade = "Upgrade: websockets\r\n"}, "426"},
      {"no connection option", {.connection = ""}, "400"},
      {"another connection option", {.connection = "Connection: keep-alive\r\n"}, "400"},
      {"no version", {.version = ""}, "426"},
      {"version 8", {.version = "Sec-WebSocket-Version: 8\r\n"}, "426"},
      {"version 013", {.version = "Sec-WebSocket-Version: 013\r\n"}, "426"},
      {"two versions", {.version = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 8\r\n"}, "400"},
      {"no key", {.key = ""}, "400"},
      {"an empty key", {.key = key + "\r\n"}, "400"},
      {"a key of 15 bytes", {.key = key + "dGhlIHNhbXBsZSBub25j\r\n"}, "400"},
      {"a key of 17 bytes", {.key = key + "dGhlIHNhbXBsZSBub25jZWU=\r\n"}, "400"},
      {"a key that is not base64", {.key = key + "dGhlIHNhbXBsZSBub25jZ!==\r\n"}, "400"},
      {"a key in base64url", {.key = key + "dGhlIHNhbXBsZSBub25jZ_==\r\n"}, "400"},
      {"two keys",
       {.key = key + "dGhlIHNhbXBsZSBub25jZQ==\r\n" + key + "dGhlIHNhbXBsZSBub25jZQ==\r\n"},
       "400"},
      {"a body", {.more = "Content-Length: 3\r\n"}, "400"},
      {"a chunked body", {.more = "Transfer-Encoding: chunked\r\n"}, "400"},
      {"the own origin", {.more = "Origin: http://server.example\r\n"}, "ok"},
      {"the own origin behind TLS, without case", {.more = "Origin: https://Server.Example\r\n"}, "ok"},
      {"the scheme's own port", {.more = "Origin: https://server.example:443\r\n"}, "ok"},
      {"another scheme's port", {.more = "Origin: http://server.example:443\r\n"}, "403"},
      {"another port", {.more = "Origin: http://server.example:8080\r\n"}, "403"},
      {"another host", {.more = "Origin: http://evil.example\r\n"}, "403"},
      {"a host that only begins so", {.more = "Origin: http://server.example.evil.example\r\n"}, "403"},
      {"a host that only ends so", {.more = "Origin: http://evil-server.example\r\n"}, "403"},
      {"no origin to speak of", {.more = "Origin: null\r\n"}, "403"},
      {"an empty origin", {.more = "Origin:\r\n"}, "403"},
      {"two origins", {.more = "Origin: http://server.example\r\nOrigin: http://server.example\r\n"}, "400"},
  };
  for (const auto& each : rows) {
    CAPTURE(each.what);
    CHECK(outcome(each.r) == each.gets);
  }
}

TEST_CASE("who accepts may judge origins itself") {
  websocket_options options;
  options.allows_origin = [](std::string_view origin, const http::request_head& head) {
    return origin == "https://friend.example" && head.path == "/chat";
  };
  CHECK(outcome({.more = "Origin: https://friend.example\r\n"}, options) == "ok");
  CHECK(outcome({.more = "Origin: http://server.example\r\n"}, options) == "403");
  CHECK(outcome({}, options) == "ok"); // no browser
}

TEST_CASE("the first subprotocol that is offered and spoken is agreed on") {
  struct row {
    std::string offered;
    std::string_view agreed;
  };
  const row rows[] = {
      {"", ""},
      {"Sec-WebSocket-Protocol: c\r\n", ""},
      {"Sec-WebSocket-Protocol: b\r\n", "b"},
      {"Sec-WebSocket-Protocol: c, b, a\r\n", "b"},
      {"Sec-WebSocket-Protocol: c\r\nSec-WebSocket-Protocol: a ,b\r\n", "a"},
      {"Sec-WebSocket-Protocol: ,, ,a\r\n", "a"},
      {"Sec-WebSocket-Protocol: A\r\n", ""},
      {"Sec-WebSocket-Protocol: a b\r\n", ""},
  };
  for (const auto& each : rows) {
    CAPTURE(each.offered);
    CHECK(value_or_throw(agree_on_websocket(request{.more = each.offered}.head(), {.protocols = {"a", "b"}}))
              .protocol == each.agreed);
  }
}
