#include "exec_things.hpp"
#include "private_engine.hpp"

#include <poll.h>
#include <string>

using namespace clawdspace::test;

// What happens to a command when something happens to its space, or to the Engine, in the middle of it.

namespace {

/// Whether nothing comes from the server for so long.
bool is_silent(exec_stream_client& client, int milliseconds) {
  pollfd ready{client.wire().fd(), POLLIN, 0};
  return ::poll(&ready, 1, milliseconds) == 0;
}

/// Counts on lines of their own, without an end.
constexpr std::string_view counting = "i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done";

struct counted {
  std::string pending;
  int next = 0;
  bool in_order = true;

  void take(std::string_view data) {
    pending += data;
    for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
      in_order = in_order && std::stoi(pending.substr(0, end)) == next;
      ++next;
      pending.erase(0, end + 1);
    }
  }
};

void count_to(counted& count, exec_stream_client& lines, int least) {
  while (count.next < least) count.take(text(lines.line(), "data"));
}

} // namespace

TEST_CASE("a pause in the middle stops the output, and after it nothing is missing") {
  const auto s = daemon().space("frozen");
  auto lines = stream_json(s, "ndjson", {{"command", counting}});
  const auto id = text(lines.line(), "id");
  counted count;
  count_to(count, lines, 20);
  const auto freeze = [&](const std::function<void()>& pause, const std::function<void()>& resume) {
    pause();
    // What was on its way comes; then nothing does.
    CHECK(comes_true([&] {
      while (!is_silent(lines, 0)) count.take(text(lines.line(), "data"));
      return is_silent(lines, 500);
    }));
    CHECK(text(ask("GET", "/api/spaces/" + s).body.as_object(), "state") == "paused");
    const auto at = count.next;
    resume();
    count_to(count, lines, at + 20);
    CHECK(count.in_order);
  };
  freeze([&] { CHECK(ask("POST", fmt::format("/api/spaces/{}/stop", s)).status == 200); },
         [&] { CHECK(ask("POST", fmt::format("/api/spaces/{}/start", s)).status == 200); });
  freeze(
      [&] {
        daemon().docker({"pause", exec_daemon::container(s)});
        CHECK(comes_true(
            [&] { return text(ask("GET", "/api/spaces/" + s).body.as_object(), "state") == "paused"; }));
      },
      [&] { daemon().docker({"unpause", exec_daemon::container(s)}); });
  CHECK(text(ask("DELETE", exec_path(s, id)).body.as_object(), "outcome") == "canceled");
}

TEST_CASE("a command of a frozen space is ended where its client leaves, and the space sleeps on") {
  const auto s = daemon().space("frozen");
  {
    auto lines = stream_json(s, "ndjson", {{"command", "echo began; sleep 98101.5"}});
    CHECK(text(lines.line(), "type") == "started");
    CHECK(text(lines.line(), "data") == "began\n");
    CHECK(ask("POST", fmt::format("/api/spaces/{}/stop", s)).status == 200);
  }
  const auto running = [&] {
    int n = 0;
    const auto r = ask("GET", fmt::format("/api/spaces/{}/execs", s));
    for (const auto& one : r.body.at("execs").as_array())
      n += text(one.as_object(), "state") == "running" ? 1 : 0;
    return n;
  };
  CHECK(comes_true([&] { return running() == 0; }));
  CHECK(
      comes_true([&] { return text(ask("GET", "/api/spaces/" + s).body.as_object(), "state") == "paused"; }));
  CHECK(count_processes(s, "98101.5") == 0);
}

TEST_CASE("what a child in the background says after the call is over goes nowhere, and the child lives on") {
  const auto s = daemon().space("main");
  const auto r =
      exec(s, json::object{{"command", "rm -f go said; (trap '' PIPE; echo $$ >pid; while [ ! -e go ]; do "
                                       "sleep 0.02; done; echo late; echo late >&2; touch said; "
                                       "exec sleep 98201.5) & echo hi"},
                           {"cwd", "/tmp"}});
  CHECK(text(r, "stdout") == "hi\n");
  CHECK(text(r, "stderr").empty());
  CHECK(text(r, "exitCode") == "0");
  CHECK(text(exec(s, "touch /tmp/go; while [ ! -e /tmp/said ]; do sleep 0.02; done; echo ok"), "stdout") ==
        "ok\n");
  CHECK(comes_true([&] { return count_processes(s, "98201.5") == 1; }));
  CHECK(ask("DELETE", exec_path(s, text(r, "id"))).status == 200);
  CHECK(count_processes(s, "98201.5") == 0);
}

TEST_CASE("a command that says nothing for long is alive, and its client is told so") {
  const auto s = daemon().space("main");
  auto lines = stream_json(s, "ndjson", {{"command", "read l; echo over"}, {"openStdin", true}});
  const auto id = text(lines.line(), "id");
  CHECK(comes_true([&] { return !is_silent(lines, 0); }, std::chrono::seconds(20)));
  CHECK(text(lines.line(), "type") == "ping");
  CHECK(feed(s, id, "\n", true).status == 200);
  CHECK(text(lines.line(), "data") == "over\n");
  CHECK(text(lines.line(), "exitCode") == "0");
}

TEST_CASE("an Engine that is killed in the middle: over the door the command goes on, else it is lost") {
  private_engine engine;
  own_daemon host({}, engine.url());
  const auto s = host->space("main");
  auto lines =
      stream_json(s, "ndjson", {{"command", "echo began; sed -u 's/^/got /'; exit 8"}, {"openStdin", true}});
  const auto id = text(lines.line(), "id");
  CHECK(text(lines.line(), "data") == "began\n");
  engine.kill();
  if (!over_the_door()) {
    const auto last = lines.line();
    CHECK(text(last, "type") == "exit");
    CHECK(text(last, "outcome") == "lost");
    CHECK(last.at("exitCode").is_null());
    CHECK(lines.line().empty());
  } else {
    CHECK(feed(s, id, "one\n", false).status == 200);
    read_up_to(lines, "got one\n");
    CHECK(text(exec(s, "echo also"), "stdout") == "also\n");
    CHECK(feed(s, id, "two\n", true).status == 200);
    read_up_to(lines, "got two\n");
    CHECK(text(lines.line(), "exitCode") == "8");
  }
  engine.start(); // the next Engine ends what the killed one left, so that the spaces can go
}
