#include "daemon.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <iterator>
#include <thread>

namespace clawdspace::test {

TEST_CASE("a space's life: made with its place, listed by label, run in, stopped, started, destroyed") {
  const daemon host;
  const auto name = unique_name();
  const auto made =
      host.api().post("/api/spaces", R"({"name":")" + name + R"(","metadata":{"team":"blue"}})");
  REQUIRE_MESSAGE(made.status == 201, made.text);
  CHECK(made.header("Location") == "/api/spaces/" + name);
  CHECK(made.field("state") == "running");
  CHECK(host.api().get("/api/spaces?label=team=blue").text.find(name) != std::string::npos);
  CHECK(host.api().get("/api/spaces?label=team=red").text.find(name) == std::string::npos);
  const auto path = "/api/spaces/" + name;
  CHECK(host.api().post(path + "/exec", R"({"command":"echo kept > f; echo done"})").field("stdout") ==
        "done\n");
  for (const auto* depth : {"{}", R"({"depth":"stopped"})"}) {
    CAPTURE(depth);
    CHECK(host.api().post(path + "/stop", depth).status == 200);
    CHECK(host.api().post(path + "/stop", depth).status == 200);
    CHECK(host.api().post(path + "/start").status == 200);
    CHECK(host.api().post(path + "/start").field("state") == "running");
    CHECK(host.api().post(path + "/exec", R"({"command":"cat f"})").field("stdout") == "kept\n");
  }
  CHECK(host.api().del(path).status == 204);
  CHECK(host.api().del(path).status == 404);
}

TEST_CASE("a create that the Engine refuses half-way leaves no container, no entry and no folder") {
  const daemon host;
  const auto name = unique_name();
  const auto made =
      host.api().post("/api/spaces", R"({"name":")" + name + R"(","network":"no-such-network-anywhere"})");
  CHECK(made.status == 400);
  CHECK(made.field("error").find("network") != std::string::npos);
  CHECK(host.api().get("/api/spaces/" + name).status == 404);
  CHECK(docker({"ps", "-aq", "--filter", "label=clawdspace.instance=" + host.instance()}).empty());
  const auto folders = host.state_dir() + "/spaces";
  if (std::filesystem::exists(folders))
    CHECK(std::distance(std::filesystem::directory_iterator(folders), {}) == 0);
  // The name is free again.
  CHECK(host.api().post("/api/spaces", R"({"name":")" + name + R"("})").status == 201);
}

TEST_CASE("a space goes from every state, also while it is made and while a command runs") {
  const daemon host;
  SUBCASE("running") {
    const space s(host);
    CHECK(host.api().del(s.path()).status == 204);
    CHECK(host.api().get(s.path()).status == 404);
  }
  SUBCASE("paused, or stopped") {
    for (const auto* depth : {"{}", R"({"depth":"stopped"})"}) {
      const space s(host);
      CHECK(host.api().post(s.path("/stop"), depth).status == 200);
      CHECK(host.api().del(s.path()).status == 204);
      CHECK(host.api().get(s.path()).status == 404);
    }
  }
  SUBCASE("with a command") {
    const space s(host);
    std::atomic<bool> answered{false};
    std::thread command([&] {
      const auto got = s.run("touch began; sleep 100");
      answered = got.field("outcome") != "exited";
    });
    CHECK(eventually([&] { return s.shell("ls began") == "began\n"; }));
    CHECK(host.api().del(s.path()).status == 204);
    command.join();
    CHECK(answered);
  }
  SUBCASE("while it is made") {
    const auto name = unique_name();
    std::atomic<int> status{0};
    std::thread create(
        [&] { status = host.api().post("/api/spaces", R"({"name":")" + name + R"("})").status; });
    CHECK(eventually([&] { return host.api().del("/api/spaces/" + name).status == 204; }));
    create.join();
    CHECK((status == 201 || status == 409));
    CHECK(host.api().get("/api/spaces/" + name).status == 404);
  }
  CHECK(eventually([&] {
    return docker({"ps", "-aq", "--filter", "label=clawdspace.instance=" + host.instance()}).empty();
  }));
}

} // namespace clawdspace::test
