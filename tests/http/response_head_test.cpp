#include "response_head.hpp"

#include <doctest/doctest.h>

using namespace clawdspace;

TEST_CASE("what a response says of its connection: close, keep-alive, and a protocol it offers or takes") {
  const auto connection_of = [](const http::fields& headers, bool keep_alive, int minor) {
    std::string out;
    http::write_head(out, 426, headers,
                     {.keep_alive = keep_alive, .version_minor = minor, .date = "d", .id = "i"});
    const auto at = out.find("\r\nConnection: ");
    if (at == out.npos) return std::string();
    const auto line = out.substr(at + 14);
    return line.substr(0, line.find("\r\n"));
  };
  const http::fields offer{{"Upgrade", "websocket"}};
  CHECK(connection_of({}, true, 1).empty());
  CHECK(connection_of({}, true, 0) == "keep-alive");
  CHECK(connection_of({}, false, 1) == "close");
  CHECK(connection_of(offer, true, 1) == "Upgrade");
  CHECK(connection_of(offer, false, 1) == "close, Upgrade");
}
