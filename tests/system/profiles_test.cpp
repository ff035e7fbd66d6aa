#include "daemon.hpp"

#include <doctest/doctest.h>

namespace clawdspace::test {

TEST_CASE("root in a standard space makes no device node and opens no raw socket") {
  const daemon host;
  const space s(host);
  CHECK(s.shell("sudo id -u; sudo touch /etc/made && echo written") == "0\nwritten\n");
  CHECK(s.run("sudo mknod /tmp/node b 8 0").field("exitCode") != "0");
  CHECK(s.shell("grep CapBnd /proc/self/status | tr -d '[:space:]'") == "CapBnd:00000000200000fb");
  CHECK(s.run("sudo mount -t tmpfs none /mnt").field("exitCode") != "0");
}

TEST_CASE("a strict space has no root to become, and says so") {
  const daemon host;
  const space s(host, R"("profile":"strict")");
  CHECK(
      s.shell("grep -c '^Cap\\(Prm\\|Eff\\|Bnd\\|Amb\\):[[:space:]]*0000000000000000$' /proc/self/status") ==
      "4\n");
  CHECK(s.shell("grep NoNewPrivs /proc/self/status | tr -d '[:space:]'") == "NoNewPrivs:1");
  CHECK(s.run("sudo -n true").field("exitCode") != "0");
  for (const auto* user : {"root", "0"}) {
    CAPTURE(user);
    const auto got =
        host.api().post(s.path("/exec"), std::string(R"({"command":"id","user":")") + user + R"("})");
    CAPTURE(got.text);
    CHECK(got.field("outcome") == "failed_to_start");
    CHECK(got.field("code") == "not_allowed");
  }
}

} // namespace clawdspace::test
