#include "daemon.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace clawdspace::test {

TEST_CASE("what docker does behind our back is seen, and the next command works") {
  const daemon host;
  const space s(host);
  docker({"pause", s.container()});
  CHECK(s.becomes("paused", 5s));
  CHECK(s.shell("echo up") == "up\n");
  docker({"stop", "-t", "2", s.container()});
  CHECK(s.becomes("stopped", 5s));
  CHECK(s.shell("echo up") == "up\n");
  docker({"kill", s.container()});
  CHECK(s.becomes("stopped", 5s));
  CHECK(s.shell("echo up") == "up\n");
  docker({"rm", "-f", s.container()});
  CHECK(eventually([&] { return host.api().get(s.path()).status == 404; }, 5s));
}

TEST_CASE(
    "a daemon that is killed finds its spaces again, with what was changed, and sweeps what was half made") {
  daemon host;
  const space awake(host);
  const space asleep(host, R"("metadata":{"k":"old"})");
  CHECK(host.api().patch(asleep.path(), R"({"metadata":{"k":"new"},"idleTimeoutMs":77777})").status == 200);
  CHECK(host.api().post(asleep.path("/stop")).status == 200);
  CHECK(host.stop(SIGKILL) == 128 + SIGKILL);
  const auto name = unique_name();
  const auto half =
      docker({"create", "--name", "clawdspace-" + name, "--label", "clawdspace.instance=" + host.instance(),
              "--label", "clawdspace.id=0123456789abcdef0123", "--label", "clawdspace.name=" + name,
              "--label", "clawdspace.profile=standard", from_script("CLAWDSPACE_TEST_IMAGE"), "true"});
  host.start();
  CHECK(awake.state() == "running");
  CHECK(asleep.state() == "paused");
  const auto told = host.api().get(asleep.path());
  CHECK(told.field("metadata") == R"({"k":"new"})");
  CHECK(told.field("idleTimeoutMs") == "77777");
  CHECK(asleep.shell("echo up") == "up\n");
  CHECK(eventually([&] { return docker({"ps", "-aq", "--no-trunc", "--filter", "id=" + half}).empty(); }));
  CHECK(host.stop(SIGTERM) == 0);
}

TEST_CASE("a daemon that is killed while it makes spaces leaves whole ones or none") {
  daemon host;
  CHECK(host.api().post("/api/spaces", R"({"name":")" + unique_name() + R"("})").status == 201);
  std::vector<std::thread> makers;
  for (int i = 0; i < 6; ++i)
    makers.emplace_back([&host] {
      try {
        host.api().post("/api/spaces", R"({"name":")" + unique_name() + R"("})");
      } catch (const std::runtime_error&) {
        // The daemon was killed before it could answer, as the test has it.
      }
    });
  const auto containers = [&] {
    const auto ids = docker({"ps", "-aq", "--filter", "label=clawdspace.instance=" + host.instance()});
    return ids.empty() ? 0 : std::ranges::count(ids, '\n') + 1;
  };
  CHECK(eventually([&] { return containers() >= 3; }, 20s));
  host.stop(SIGKILL);
  for (auto& maker : makers) maker.join();
  host.start();
  const auto folders = [&] {
    return std::distance(std::filesystem::directory_iterator(host.state_dir() + "/spaces"), {});
  };
  const auto spaces = [&] {
    const auto now = host.api().get("/api/spaces");
    return static_cast<std::ptrdiff_t>(now.json.at("spaces").as_array().size());
  };
  const auto settled = [&] {
    return host.api().get("/api/spaces").text.find("destroying") == std::string::npos;
  };
  CHECK(eventually([&] { return settled() && containers() == spaces() && folders() == spaces(); }, 15s));
  const auto listed = host.api().get("/api/spaces");
  CHECK(spaces() >= 1);
  for (const auto& one : listed.json.at("spaces").as_array()) {
    const auto path = "/api/spaces/" + std::string(one.at("name").as_string());
    const auto got = host.api().post(path + "/exec", R"({"command":"echo up"})");
    CAPTURE(got.text);
    CHECK(got.field("stdout") == "up\n");
  }
}

TEST_CASE("the second daemon on a state folder refuses, in words") {
  const daemon host;
  const auto [code, words] = run_program(host.command_line(), daemon::environment(), 20s);
  CHECK(code != 0);
  CHECK_MESSAGE(words.find(host.state_dir()) != std::string::npos, words);
}

TEST_CASE("an Engine that is away is told, and found when it comes") {
  const auto real = from_script("CLAWDSPACE_TEST_ENGINE");
  REQUIRE_MESSAGE(real.starts_with("unix://"), "this test lays a link to the Engine's socket");
  const temporary_folder folder;
  const daemon host({}, "unix://" + folder.file("docker.sock"));
  const auto begin = std::chrono::steady_clock::now();
  CHECK(host.api().get("/api/spaces").status == 503);
  CHECK(std::chrono::steady_clock::now() - begin < 1s);
  CHECK(host.api().get("/api/health").status == 200);
  std::filesystem::create_symlink(real.substr(7), folder.file("docker.sock"));
  CHECK(eventually([&] { return host.api().get("/api/spaces").status == 200; }, 20s));
  const space s(host);
  CHECK(s.shell("echo up") == "up\n");
}

} // namespace clawdspace::test
