#include "terminal_client.hpp"

#include <csignal>
#include <filesystem>
#include <future>
#include <string>
#include <vector>

using namespace clawdspace::test;

// Spaces that mean harm to the daemon through its door: each suffers alone. Where there is no door there is
// nothing to knock at.

namespace {

namespace fs = std::filesystem;

/// Which folder of the state is a space's, whose name only the daemon knows: its container's label tells.
fs::path door_of(exec_daemon& host, const std::string& space) {
  auto id = host.docker(
      {"inspect", "-f", "{{index .Config.Labels \"clawdspace.id\"}}", exec_daemon::container(space)});
  while (id.ends_with('\n')) id.pop_back();
  return fs::path(host.state_dir()) / "spaces" / id / "door";
}

/// Stops a space, lays the hostile program where its init was, and starts it.
void turn(exec_daemon& host, const std::string& space, const std::string& part) {
  REQUIRE(ask("POST", fmt::format("/api/spaces/{}/stop", space), {{"depth", "stopped"}}).status == 200);
  const auto door = door_of(host, space);
  const char* const program = std::getenv("CLAWDSPACE_TEST_HOSTILE_INIT");
  REQUIRE_MESSAGE(program != nullptr, "CLAWDSPACE_TEST_HOSTILE_INIT is not set: run script/test");
  fs::remove(door / "init"); // a link: what others run stays what it is
  fs::copy_file(program, door / "init");
  fs::permissions(door / "init", fs::perms(0755));
  write_file((door / "part").string(), part + "\n");
  fs::permissions(door / "part", fs::perms(0644));
  REQUIRE(ask("POST", fmt::format("/api/spaces/{}/start", space)).status == 200);
}

void check_well(const std::string& space) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 5; ++i) CHECK(text(exec(space, "echo well"), "stdout") == "well\n");
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
}

/// Whatever became of it: it is answered, and not as a success.
void check_answered(const reply& r) {
  CAPTURE(json::serialize(r.body));
  if (r.status == 200 || r.status == 202)
    CHECK(text(r.body.as_object(), "outcome") != "exited");
  else
    CHECK(r.status >= 500);
}

} // namespace

TEST_CASE("a space whose init floods, lies, is silent or hands over what was not asked for suffers alone") {
  if (!over_the_door()) return;
  own_daemon host;
  const auto good = host->space("good");
  check_well(good);
  const auto before = host->resident_kib();
  // All at the same time: each has commands under way while the good one is asked.
  struct asked {
    std::string part;
    std::string space;
    std::future<reply> plain;
    std::future<reply> with_terminal;
  };
  std::vector<asked> all;
  for (const std::string part : {"silent", "mute", "garbage", "future", "flood", "fat", "liar", "crowd",
                                 "folder", "socket", "file", "device", "pipe"}) {
    CAPTURE(part);
    const auto bad = host->space(part);
    turn(*host.operator->(), bad, part);
    const auto run = [bad](bool tty) {
      return ask("POST", fmt::format("/api/spaces/{}/exec", bad),
                 {{"command", {"true"}}, {"tty", tty}, {"timeoutMs", 1000}});
    };
    all.push_back(
        {part, bad, std::async(std::launch::async, run, false), std::async(std::launch::async, run, true)});
    check_well(good);
  }
  for (auto& [part, bad, plain, with_terminal] : all) {
    CAPTURE(part);
    check_answered(plain.get());
    check_answered(with_terminal.get());
    check_well(good);
    CHECK(ask("GET", "/api/spaces/" + bad).status == 200);
    CHECK(host->resident_kib() < before + 64 * 1024);
    CHECK(ask("DELETE", "/api/spaces/" + bad).status == 204);
  }
  check_well(good);
}

TEST_CASE("whoever else connects to a space's door is not served, and the space goes on") {
  if (!over_the_door()) return;
  const auto s = daemon().space("knocked");
  const auto good = daemon().space("main");
  const auto r = exec(s, json::object{{"command",
                                       {"python3", "-c",
                                        "import socket\n"
                                        "held=[]\n"
                                        "for i in range(200):\n"
                                        " s=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET)\n"
                                        " s.settimeout(5)\n"
                                        " try:\n"
                                        "  s.connect('/.clawdspace/door')\n"
                                        "  s.send(b'hello\\0001\\000me\\000'); s.send(b'ready\\000')\n"
                                        " except OSError: pass\n"
                                        " held.append(s)\n"
                                        "told=b''\n"
                                        "for s in held[-20:]:\n"
                                        " try: told+=s.recv(4096)\n"
                                        " except OSError: pass\n"
                                        "print(len(told))\n"}}});
  CHECK(text(r, "stdout") == "0\n");
  check_well(s);
  check_well(good);
}

TEST_CASE("an init that is frozen from outside holds up its own space, within a bound, and then goes on") {
  if (!over_the_door()) return;
  own_daemon host;
  const auto s = host->space("stunned");
  const auto good = host->space("good");
  check_well(s);
  const auto pid = std::stoi(host->docker({"inspect", "-f", "{{.State.Pid}}", exec_daemon::container(s)}));
  REQUIRE(::kill(pid, SIGSTOP) == 0);
  const auto r =
      ask("POST", fmt::format("/api/spaces/{}/exec", s), {{"command", {"true"}}, {"timeoutMs", 2000}});
  check_answered(r);
  check_well(good);
  REQUIRE(::kill(pid, SIGCONT) == 0);
  CHECK(comes_true([&] {
    const auto again = ask("POST", fmt::format("/api/spaces/{}/exec", s), {{"command", "echo back"}});
    return again.status == 200 && text(again.body.as_object(), "stdout") == "back\n";
  }));
}

TEST_CASE("a space that takes all the terminals it can have leaves others theirs") {
  if (!over_the_door()) return;
  // What one can have is bounded by its open files and its processes: terminals are the whole machine's, and
  // the kernel keeps no account of who has them.
  own_daemon host({"spaces.open_files=128"});
  const auto greedy = host->space("greedy", {{"pids", 24}});
  const auto good = host->space("good");
  auto taking =
      stream_json(greedy, "ndjson",
                  {{"command",
                    {"python3", "-c",
                     "import os,time\n"
                     "def take():\n"
                     " held=[]\n"
                     " try:\n"
                     "  while True: held.append(os.openpty())\n"
                     " except OSError: return held\n"
                     "try:\n"
                     " while os.fork(): pass\n"
                     " held=take(); time.sleep(97531)\n"
                     "except OSError: held=take(); print('full',flush=True); time.sleep(97531)\n"}}});
  CHECK(text(taking.line(), "type") == "started");
  CHECK(text(taking.line(), "data") == "full\n");
  const auto here = exec(good, json::object{{"command", "tty"}, {"tty", true}});
  CHECK(text(here, "stdout").starts_with("/dev/pts/"));
  check_well(good);
  const auto own = exec(greedy, json::object{{"command", {"true"}}, {"tty", true}});
  CHECK(text(own, "outcome") == "failed_to_start");
  CHECK(text(own, "code") == "process_limit");
  taking.wire().reset();
  CHECK(comes_true([&] {
    return text(exec(greedy, json::object{{"command", "tty"}, {"tty", true}}), "stdout")
        .starts_with("/dev/pts/");
  }));
}

TEST_CASE("with no terminal left on the machine a command that wants one says so, and others run") {
  if (!over_the_door()) return;
  const auto greedy = daemon().space("greedy");
  const auto good = daemon().space("main");
  auto taking = stream_json(greedy, "ndjson",
                            {{"command",
                              {"python3", "-c",
                               "import os,time\n"
                               "held=[]\n"
                               "try:\n"
                               " while True: held.append(os.openpty())\n"
                               "except OSError: print('full',flush=True)\n"
                               "time.sleep(97531)\n"}}});
  CHECK(text(taking.line(), "type") == "started");
  CHECK(text(taking.line(), "data") == "full\n");
  const auto refused = exec(greedy, json::object{{"command", "tty"}, {"tty", true}});
  CHECK(text(refused, "outcome") == "failed_to_start");
  CHECK(text(refused, "code") == "pty_limit");
  check_well(greedy);
  check_well(good);
  taking.wire().reset();
  CHECK(comes_true([&] {
    return text(exec(good, json::object{{"command", "tty"}, {"tty", true}}), "stdout")
        .starts_with("/dev/pts/");
  }));
}

TEST_CASE("a space that kills what watches over a command is told so, and is well otherwise") {
  if (!over_the_door()) return;
  const auto s = daemon().space("killer");
  // The subreapers are init's children, and a superuser of the space may kill them, at any time.
  for (const auto* begin : {"", "sleep 0.1; "})
    for (const bool tty : {false, true}) {
      const auto r = exec(
          s,
          json::object{{"command", fmt::format("sleep 99001.5 & {}kill -KILL $PPID; sleep 99001.5", begin)},
                       {"user", "root"},
                       {"tty", tty}});
      CHECK(text(r, "outcome") == "lost");
      CHECK(r.at("exitCode").is_null());
    }
  check_well(s);
  exec(s, json::object{{"command", {"pkill", "-f", "99001[.]5"}}, {"user", "root"}});
}
