#include "exec_support.hpp"

#include <string>
#include <thread>

using namespace clawdspace::test;

namespace {

/// The code of what never started; nothing of it may look like output.
std::string failure_of(const std::string& space, const json::object& body) {
  const auto r = exec(space, body);
  CHECK(text(r, "outcome") == "failed_to_start");
  CHECK(r.at("exitCode").is_null());
  CHECK(text(r, "stdout").empty());
  CHECK(text(r, "stderr").empty());
  CHECK(text(r, "reason").size() > 3);
  return text(r, "code");
}

std::string image(const char* variable, const char* otherwise) {
  const char* const named = std::getenv(variable);
  return named != nullptr ? named : otherwise;
}

/// A tree that resists: a session of its own, a double fork, one that ignores what asks it to end.
std::string stubborn(std::string_view mark) {
  return fmt::format("trap '' TERM HUP INT; echo began; setsid sleep {0} & (sleep {0} &) ; nohup sleep {0} "
                     ">/dev/null 2>&1 & (trap '' TERM; exec sleep {0}) & sleep {0}",
                     mark);
}

void check_gone(const std::string& space, std::string_view mark) {
  CHECK(comes_true([&] { return count_processes(space, mark) == 0; }));
  CHECK(text(exec(space, "echo alive"), "stdout") == "alive\n");
}

} // namespace

TEST_CASE("an exit code is told as it was, also where it looks like a signal's") {
  const auto s = daemon().space("main");
  for (const int code : {0, 1, 3, 126, 127, 137, 255}) {
    const auto r = exec(s, fmt::format("exit {}", code));
    CHECK(text(r, "outcome") == "exited");
    CHECK(text(r, "exitCode") == fmt::format("{}", code));
    CHECK(!r.contains("signal"));
  }
}

TEST_CASE("a signal is told by its name, without an exit code") {
  const auto s = daemon().space("main");
  for (const std::string name : {"TERM", "KILL", "SEGV", "HUP", "PIPE"}) {
    const auto r = exec(s, json::object{{"command", {"sh", "-c", fmt::format("kill -{} $$", name)}}});
    CHECK(text(r, "outcome") == "signaled");
    CHECK(text(r, "signal") == "SIG" + name);
    CHECK(r.at("exitCode").is_null());
  }
}

TEST_CASE("what cannot start says why, and leaves no prose in the output") {
  const auto s = daemon().space("main");
  CHECK(failure_of(s, {{"command", {"no-such-program"}}}) == "program_not_found");
  CHECK(failure_of(s, {{"command", {"/no/such/program"}}}) == "program_not_found");
  CHECK(failure_of(s, {{"command", {"/etc/passwd"}}}) == "not_executable");
  CHECK(failure_of(s, {{"command", {"/etc"}}}) == "not_executable");
  CHECK(failure_of(s, {{"command", "true"}, {"cwd", "/no/such"}}) == "no_such_directory");
  CHECK(failure_of(s, {{"command", "true"}, {"user", "nobody-here"}}) == "no_such_user");
  const auto strict = daemon().space("strict", {{"profile", "strict"}});
  CHECK(failure_of(strict, {{"command", "true"}, {"user", "root"}}) == "not_allowed");
  CHECK(text(exec(strict, "id -u"), "stdout") == "1001\n");
  const auto bare =
      daemon().space("bare", {{"image", image("CLAWDSPACE_TEST_IMAGE_SCRATCH", "clawdspace/space:scratch")}});
  CHECK(failure_of(bare, {{"command", "true"}}) == "no_shell");
}

TEST_CASE("with no process left to have, a command fails with that reason") {
  const auto s = daemon().space("few", {{"pids", 24}});
  auto full = stream_json(s, "ndjson",
                          {{"command",
                            {"python3", "-c",
                             "import os,time\n"
                             "try:\n"
                             " while True:\n"
                             "  if os.fork()==0: time.sleep(97531)\n"
                             "except OSError: print('full',flush=True)\n"
                             "time.sleep(97531)\n"}}});
  CHECK(text(full.line(), "type") == "started");
  CHECK(text(full.line(), "data") == "full\n");
  CHECK(failure_of(s, {{"command", {"true"}}}) == "process_limit");
  full.wire().reset();
  CHECK(
      comes_true([&] { return text(exec(s, json::object{{"command", {"true"}}}), "outcome") == "exited"; }));
}

TEST_CASE("at its deadline a command ends with all its descendants, and what it said is told") {
  const auto s = daemon().space("main");
  const auto r = exec(s, json::object{{"command", stubborn("97001.5")}, {"timeoutMs", 700}});
  CHECK(text(r, "outcome") == "timed_out");
  CHECK(text(r, "confirmed") == "true");
  CHECK(r.at("exitCode").is_null());
  CHECK(text(r, "stdout") == "began\n");
  CHECK(count_processes(s, "97001.5") == 0);
  check_gone(s, "97001.5");
}

TEST_CASE("a deadline stands still while the space is paused") {
  const auto s = daemon().space("paused");
  auto lines =
      stream_json(s, "ndjson", {{"command", "echo began; sleep 1.2; echo woke"}, {"timeoutMs", 2500}});
  CHECK(text(lines.line(), "type") == "started");
  CHECK(text(lines.line(), "data") == "began\n");
  CHECK(text(ask("POST", fmt::format("/api/spaces/{}/stop", s)).body.as_object(), "state") == "paused");
  std::this_thread::sleep_for(std::chrono::milliseconds(2600)); // longer than the command's whole time
  CHECK(text(ask("GET", fmt::format("/api/spaces/{}", s)).body.as_object(), "state") == "paused");
  CHECK(text(ask("POST", fmt::format("/api/spaces/{}/start", s)).body.as_object(), "state") == "running");
  CHECK(text(lines.line(), "data") == "woke\n");
  const auto last = lines.line();
  CHECK(text(last, "outcome") == "exited");
  CHECK(text(last, "exitCode") == "0");
}

TEST_CASE("a client that leaves takes its command along, however it leaves") {
  const auto s = daemon().space("main");
  const auto begin = [&](std::string_view form, std::string_view mark) {
    auto client = stream_json(s, form, {{"command", stubborn(mark)}});
    CHECK(client.head() == 200);
    CHECK(comes_true([&] { return count_processes(s, mark) == 5; }));
    return client;
  };
  SUBCASE("it closes") {
    {
      const auto client = begin("ndjson", "97101.5");
    }
    check_gone(s, "97101.5");
  }
  SUBCASE("it resets") {
    begin("raw", "97102.5").wire().reset();
    check_gone(s, "97102.5");
  }
  SUBCASE("it closes its half") {
    auto client = begin("ndjson", "97103.5");
    client.wire().half_close();
    check_gone(s, "97103.5");
  }
  SUBCASE("behind bytes that were not read yet") {
    auto client = begin("ndjson", "97104.5");
    client.wire().send("GET /api/health HTTP/1.1\r\nHost: test\r\n\r\n");
    client.wire().half_close();
    check_gone(s, "97104.5");
  }
  SUBCASE("before a buffered answer") {
    {
      const auto body = json::serialize(json::object{{"command", stubborn("97105.5")}});
      const exec_stream_client client(fmt::format("POST /api/spaces/{}/exec", s), body,
                                      fmt::format("Content-Length: {}\r\n", body.size()));
      CHECK(comes_true([&] { return count_processes(s, "97105.5") == 5; }));
    }
    check_gone(s, "97105.5");
  }
  SUBCASE("in the middle of a large stream that it does not read") {
    {
      auto client = stream_json(s, "raw", {{"command", "sleep 97106.5 & cat /dev/zero"}}, 16384);
      CHECK(client.head() == 200);
      CHECK(comes_true([&] { return count_processes(s, "97106.5") == 1; }));
    }
    check_gone(s, "97106.5");
  }
  SUBCASE("while it streams a body in") {
    {
      exec_stream_client client(fmt::format("PUT /api/spaces/{}/exec?stream=raw&arg=sh&arg=-c&arg={}", s,
                                            to_query("sleep 97107.5 & cat")),
                                "5\r\nhello\r\n", "Transfer-Encoding: chunked\r\n");
      CHECK(client.chunk() == "hello");
    }
    check_gone(s, "97107.5");
  }
}

TEST_CASE("a fork bomb ends with its caller, and its space lives") {
  const auto s = daemon().space("bomb", {{"pids", 64}, {"cpus", 0.5}});
  SUBCASE("at its deadline") {
    const auto r = exec(s, json::object{{"command", {"bash", "-c", ":(){ :|:& };:; wait; sleep 97201"}},
                                        {"timeoutMs", 1500}});
    if (text(r, "outcome") != "exited") { // bash gives up by itself where it cannot fork
      CHECK(text(r, "outcome") == "timed_out");
      CHECK(text(r, "confirmed") == "true");
    }
  }
  SUBCASE("with its client") {
    auto client = stream_json(
        s, "ndjson",
        {{"command",
          {"python3", "-c",
           "import os\nprint('go',flush=True)\nwhile True:\n try: os.fork()\n except OSError: pass\n"}}});
    CHECK(text(client.line(), "type") == "started");
    CHECK(text(client.line(), "data") == "go\n");
    client.wire().reset();
  }
  CHECK(comes_true(
      [&] {
        const auto r = exec(s, json::object{{"command", {"sh", "-c", "ps -e | wc -l"}}});
        const auto count = text(r, "stdout"); // empty where even sh found no room for a child
        return text(r, "outcome") == "exited" && !count.empty() && std::stoi(count) < 10;
      },
      std::chrono::seconds(30)));
}

TEST_CASE("a child in the background lives on and does not hold the call") {
  const auto s = daemon().space("main");
  const auto r = exec(s, "sleep 97301.5 & echo hi");
  CHECK(text(r, "stdout") == "hi\n");
  CHECK(text(r, "exitCode") == "0");
  CHECK(r.at("durationMs").to_number<int>() < 5000);
  CHECK(count_processes(s, "97301.5") == 1);
  exec(s, "pkill -f 97301[.]5");

  const auto noisy = exec(s, "(while echo more; do sleep 0.05; done; sleep 97302.5) & echo hi");
  CHECK(text(noisy, "stdout").find("hi\n") != std::string::npos);
  CHECK(text(noisy, "exitCode") == "0");
  CHECK(noisy.at("durationMs").to_number<int>() < 8000);
  exec(s, json::object{{"command", {"pkill", "-f", "echo more"}}});
}

TEST_CASE("memory that is not there is told as that") {
  const auto s = daemon().space("small", {{"memory", "64m"}});
  const auto hungry = "python3 -c 'b=bytearray(300000000)'";
  const auto child = exec(s, fmt::format("{}; echo after", hungry));
  CHECK(text(child, "outcome") == "exited");
  CHECK(text(child, "stdout") == "after\n");
  CHECK(child.at("oomKills").to_number<int>() > 0);
  const auto main = exec(s, json::object{{"command", {"python3", "-c", "b=bytearray(300000000)"}}});
  CHECK(text(main, "outcome") == "out_of_memory");
  CHECK(main.at("exitCode").is_null());
  CHECK(text(exec(s, "echo alive"), "stdout") == "alive\n");
}

TEST_CASE("a command whose space is stopped, destroyed or killed is never told as a success") {
  const auto s = daemon().space("main");
  const auto begin = [](const std::string& space) {
    auto lines = stream_json(space, "ndjson", {{"command", "echo began; sleep 97401.5"}});
    CHECK(text(lines.line(), "type") == "started");
    CHECK(text(lines.line(), "data") == "began\n");
    return lines;
  };
  SUBCASE("stopped") {
    auto lines = begin(s);
    CHECK(ask("POST", fmt::format("/api/spaces/{}/stop", s), {{"depth", "stopped"}}).status == 200);
    const auto last = lines.line();
    CHECK(text(last, "type") == "exit");
    CHECK(text(last, "outcome") == "canceled");
    CHECK(last.at("exitCode").is_null());
    CHECK(lines.line().empty());
    CHECK(text(exec(s, "echo alive"), "stdout") == "alive\n");
  }
  SUBCASE("destroyed") {
    const auto doomed = daemon().space("doomed");
    auto lines = begin(doomed);
    CHECK(ask("DELETE", fmt::format("/api/spaces/{}", doomed)).status == 204);
    const auto last = lines.line();
    CHECK(text(last, "type") == "exit");
    CHECK(text(last, "outcome") == "canceled");
    CHECK(lines.line().empty());
  }
  SUBCASE("killed behind our back") {
    const auto killed = daemon().space("killed");
    auto lines = begin(killed);
    daemon().docker({"kill", exec_daemon::container(killed)});
    const auto last = lines.line();
    CHECK(text(last, "type") == "exit");
    const auto outcome = text(last, "outcome");
    CHECK((outcome == "canceled" || outcome == "lost"));
    CHECK(last.at("exitCode").is_null());
    CHECK(lines.line().empty());
  }
}
