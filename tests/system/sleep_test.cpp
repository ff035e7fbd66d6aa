#include "daemon.hpp"

#include <doctest/doctest.h>

namespace clawdspace::test {

TEST_CASE("a space that slept for long is stopped, and its next command finds the files") {
  const daemon host({"spaces.stop_after_ms=500"});
  const space s(host, R"("idleTimeoutMs":300)");
  REQUIRE(s.shell("echo kept > f; echo ok") == "ok\n");
  REQUIRE(s.becomes("stopped", 30s));
  CHECK(s.shell("cat f") == "kept\n");
}

TEST_CASE("a changed idle time holds at once, and zero never puts to sleep") {
  const daemon host;
  const space s(host);
  CHECK(host.api().patch(s.path(), R"({"idleTimeoutMs":200})").status == 200);
  CHECK(s.becomes("paused"));
  CHECK(host.api().patch(s.path(), R"({"idleTimeoutMs":0})").status == 200);
  CHECK(s.shell("echo up") == "up\n");
  CHECK(host.api().get(s.path()).field("sleepsAt") == "null");
}

TEST_CASE("a time to live ends a space that sleeps") {
  const daemon host;
  const space s(host, R"("idleTimeoutMs":100,"ttlMs":3000)");
  CHECK(s.becomes("paused"));
  CHECK(eventually([&] { return host.api().get(s.path()).status == 404; }, 20s));
}

} // namespace clawdspace::test
