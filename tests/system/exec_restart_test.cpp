#include "exec_things.hpp"

#include <string>

using namespace clawdspace::test;

// kill -9 of the daemon, and another one on the same state: what outlives it is the door's affair.

namespace {

/// Whether it runs over the door; else, that nothing can be asked to outlive the daemon.
bool can_outlive() {
  if (!over_the_door())
    check_refused(ask("POST", fmt::format("/api/spaces/{}/exec", daemon().space("main")),
                      {{"command", "true"}, {"detach", true}}));
  return over_the_door();
}

void restart(own_daemon& host) {
  host->kill();
  host->start();
}

} // namespace

TEST_CASE(
    "a detached command goes on without the daemon: its input, its output and its code are found again") {
  if (!can_outlive()) return;
  own_daemon host;
  const auto s = host->space("survivor");
  const auto id = detach(s, {{"command", "sed -u 's/^/got /'; echo bye >&2; exit 7"}, {"openStdin", true}});
  CHECK(feed(s, id, "one\n", false).status == 200);
  CHECK(comes_true([&] { return output_of(s, id, "follow=false") == "got one\n"; }));
  restart(host);
  const auto found = record_of(s, id);
  CHECK(text(found, "state") == "running");
  CHECK(text(found, "detached") == "true");
  CHECK(text(found, "command").starts_with("sed -u"));
  CHECK(output_of(s, id, "follow=false") == "got one\n");
  CHECK(feed(s, id, "two\n", false).status == 200);
  auto lines = follow(s, id, "stream=ndjson&offset=8");
  read_up_to(lines, "got two\n");
  restart(host);
  CHECK(feed(s, id, "three\n", true).status == 200);
  const auto end = ending_of(s, id);
  CHECK(text(end, "outcome") == "exited");
  CHECK(text(end, "exitCode") == "7");
  CHECK(output_of(s, id, "output=stdout") == "got one\ngot two\ngot three\n");
  CHECK(output_of(s, id, "output=stderr") == "bye\n");
  // An ending is known to the next daemon, too, and the id is never anybody else's.
  restart(host);
  CHECK(text(record_of(s, id), "exitCode") == "7");
  CHECK(output_of(s, id, "output=stdout") == "got one\ngot two\ngot three\n");
}

TEST_CASE("a daemon that is killed in the middle of output loses none of it, or tells the gap") {
  if (!can_outlive()) return;
  own_daemon host;
  const auto s = host->space("busy");
  constexpr std::size_t lines = 60'000; // 960,000 bytes: all of it stays in the history
  const auto id = detach(s, {{"command", "i=0; while [ $i -lt 60000 ]; do printf '%015d\\n' $i; i=$((i+1)); "
                                         "done; exit 5"}});
  for (const std::size_t at : {50'000, 300'000, 600'000}) {
    comes_true([&] {
      const auto now = record_of(s, id);
      return text(now, "state") == "ended" || now.at("stdoutBytes").to_number<std::size_t>() > at;
    });
    restart(host);
  }
  const auto end = ending_of(s, id);
  CHECK(text(end, "outcome") == "exited");
  CHECK(text(end, "exitCode") == "5");
  auto whole = follow(s, id, "stream=ndjson");
  const auto seen = read_account(whole);
  const auto expected = numbered_lines(lines);
  if (seen.gaps == 0) {
    REQUIRE(seen.pieces.size() == 1);
    CHECK(seen.pieces.front().data == expected);
  } else {
    MESSAGE("a gap of " << seen.gaps << " bytes was told");
    CHECK(tells_truth(seen, expected));
    std::size_t kept = 0;
    for (const auto& piece : seen.pieces) kept += piece.data.size();
    CHECK(expected.size() <= kept + seen.gaps);
    CHECK(seen.gaps <= 3 * (128U << 10));
  }
}

TEST_CASE("what a command said and how it ended while no daemon ran is told by the next one") {
  if (!can_outlive()) return;
  own_daemon host;
  const auto s = host->space("alone");
  const auto id =
      detach(s, {{"command", "while [ ! -e go ]; do sleep 0.02; done; echo late; touch over; exit 9"},
                 {"cwd", "/tmp"}});
  const auto frozen = detach(s, {{"command", "head -c 500000 /dev/zero | tr '\\0' x; touch /tmp/through"}});
  CHECK(comes_true([&] { return text(record_of(s, frozen), "state") == "ended"; }));
  host->kill();
  const auto there = [&](std::string_view file) {
    return run_program({"docker", "exec", exec_daemon::container(s), "test", "-e", std::string(file)},
                       {{"DOCKER_HOST", host->engine()}})
               .code == 0;
  };
  host->docker({"exec", exec_daemon::container(s), "touch", "/tmp/go"});
  CHECK(comes_true([&] { return there("/tmp/over"); }));
  host->start();
  const auto end = ending_of(s, id);
  CHECK(text(end, "outcome") == "exited");
  CHECK(text(end, "exitCode") == "9");
  CHECK(output_of(s, id) == "late\n");
  CHECK(output_of(s, frozen) == std::string(500'000, 'x'));
}

TEST_CASE("a full pipe holds a detached command while no daemon runs, and then nothing is lost") {
  if (!can_outlive()) return;
  own_daemon host;
  const auto s = host->space("held");
  const auto id = detach(s, {{"command", "while [ ! -e go ]; do sleep 0.02; done; touch began; "
                                         "seq -f %015.0f 0 49999; touch over"},
                             {"cwd", "/tmp"}});
  host->kill();
  const auto there = [&](std::string_view file) {
    return run_program({"docker", "exec", exec_daemon::container(s), "test", "-e", std::string(file)},
                       {{"DOCKER_HOST", host->engine()}})
               .code == 0;
  };
  host->docker({"exec", exec_daemon::container(s), "touch", "/tmp/go"});
  CHECK(comes_true([&] { return there("/tmp/began"); }));
  CHECK(!there("/tmp/over"));
  host->start();
  CHECK(text(ending_of(s, id), "exitCode") == "0");
  CHECK(output_of(s, id) == numbered_lines(50'000));
}

TEST_CASE("what was not detached ends with the daemon that it belonged to") {
  own_daemon host;
  const auto s = host->space("orphans");
  auto lines = stream_json(s, "ndjson", {{"command", "setsid sleep 95601.5 & echo began; sleep 95601.5"}});
  const auto id = text(lines.line(), "id");
  CHECK(text(lines.line(), "data") == "began\n");
  CHECK(comes_true([&] { return count_processes(s, "95601.5") == 2; }));
  host->kill();
  host->start();
  if (!over_the_door()) {
    // The Engine keeps a process whose client is gone, and the next daemon knows nothing of it; its id was
    // given, so it is not one that never was.
    check_error(ask("GET", exec_path(s, id)), 410, "exec_gone", id);
    return;
  }
  CHECK(comes_true([&] { return count_processes(s, "95601.5") == 0; }, std::chrono::seconds(30)));
  const auto r = ask("GET", exec_path(s, id));
  CHECK((r.status == 410 || (r.status == 200 && text(r.body.as_object(), "outcome") != "exited")));
  CHECK(text(exec(s, "echo alive"), "stdout") == "alive\n");
}

TEST_CASE("signals, a terminal's size, the time that is left and the end of the tree outlive the daemon") {
  if (!can_outlive()) return;
  own_daemon host;
  const auto s = host->space("reached");
  const auto trapping =
      detach(s, {{"command", "trap 'echo got USR1' USR1; trap 'stty size' WINCH; echo ready; "
                             "while :; do sleep 0.05; done"},
                 {"tty", true}});
  const auto limited = detach(s, {{"command", "sleep 95702.5 & sleep 95702.5"}, {"timeoutMs", 4000}});
  CHECK(comes_true([&] { return output_of(s, trapping, "follow=false") == "ready\r\n"; }));
  CHECK(comes_true([&] { return count_processes(s, "95702.5") == 2; }));
  restart(host);
  CHECK(text(record_of(s, trapping), "tty") == "true");
  auto lines = follow(s, trapping, "stream=ndjson");
  CHECK(send_signal(s, trapping, "USR1").status == 204);
  read_up_to(lines, "got USR1\r\n");
  CHECK(ask("POST", exec_path(s, trapping, "/resize"), {{"rows", 51}, {"cols", 151}}).status == 204);
  read_up_to(lines, "51 151\r\n");
  const auto late = ending_of(s, limited);
  CHECK(text(late, "outcome") == "timed_out");
  CHECK(text(late, "confirmed") == "true");
  CHECK(count_processes(s, "95702.5") == 0);
  const auto deleted = ask("DELETE", exec_path(s, trapping));
  CHECK(text(deleted.body.as_object(), "outcome") == "canceled");
  CHECK(text(deleted.body.as_object(), "confirmed") == "true");
}

TEST_CASE("a command in a space that sleeps while the daemon is killed is found, and the space sleeps on") {
  if (!can_outlive()) return;
  own_daemon host;
  const auto s = host->space("asleep");
  const auto id = detach(s, {{"command", "echo began; read l; echo woke"}, {"openStdin", true}});
  CHECK(comes_true([&] { return output_of(s, id, "follow=false") == "began\n"; }));
  CHECK(ask("POST", fmt::format("/api/spaces/{}/stop", s)).status == 200);
  restart(host);
  const auto state = [&] { return text(ask("GET", "/api/spaces/" + s).body.as_object(), "state"); };
  CHECK(state() == "paused");
  CHECK(text(record_of(s, id), "state") == "running");
  CHECK(output_of(s, id, "follow=false") == "began\n");
  CHECK(state() == "paused");                     // to look is not to use
  CHECK(feed(s, id, "go\n", true).status == 200); // input wakes
  CHECK(text(ending_of(s, id), "exitCode") == "0");
  CHECK(output_of(s, id) == "began\nwoke\n");
}
