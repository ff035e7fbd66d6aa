#include "terminal_client.hpp"

#include <string>

using namespace clawdspace::test;

// Terminals over WebSocket: who looks at them, and what becomes of those that nobody looks at. All of it is
// the door's alone; that the Engine's exec API has no terminals is held in terminal_test.cpp.

namespace {

const std::string authorization = fmt::format("Authorization: Bearer {}\r\n", key);

std::string attach_path(const std::string& space, const std::string& id, std::string_view query = "") {
  return exec_path(space, id, fmt::format("/terminal{}{}", query.empty() ? "" : "?", query));
}

/// A shell text that notes its hang-up in /tmp/NAME and ends.
std::string noting(std::string_view name) {
  return fmt::format("rm -f /tmp/{0}; trap 'echo hup >/tmp/{0}; exit 3' HUP; echo ready; "
                     "while :; do sleep 0.05; done",
                     name);
}

bool noted(const std::string& space, std::string_view name) {
  return text(exec(space, fmt::format("cat /tmp/{}", name)), "stdout") == "hup\n";
}

} // namespace

TEST_CASE("closing with 1000 hangs up, as closing a window would") {
  if (!over_the_door()) return;
  const auto s = daemon().space("main");
  terminal_client terminal(terminal_running(s, noting("closed")));
  terminal.wait_for("ready\r\n");
  terminal.close();
  const auto end = ending_of(s, terminal.id());
  CHECK(text(end, "outcome") == "exited");
  CHECK(text(end, "exitCode") == "3");
  CHECK(noted(s, "closed"));

  terminal_client shell(terminal_path(s));
  shell.type("sleep 97001.5 & echo be''gan\n");
  shell.wait_for("began\r\n");
  shell.close();
  const auto hung_up = ending_of(s, shell.id());
  CHECK(text(hung_up, "outcome") != "canceled");
  check_error(try_handshake(attach_path(s, shell.id()), terminal_client::handshake + authorization), 409,
              "conflict", shell.id());
  ask("DELETE", exec_path(s, shell.id()));
}

TEST_CASE("what ignores its hang-up is ended with its tree") {
  if (!over_the_door()) return;
  const auto s = daemon().space("main");
  terminal_client terminal(
      terminal_running(s, "trap '' HUP; setsid sleep 97011.5 & echo ready; sleep 97011.5"));
  terminal.wait_for("ready\r\n");
  CHECK(comes_true([&] { return count_processes(s, "97011.5") == 2; }));
  terminal.close();
  CHECK(text(ending_of(s, terminal.id()), "outcome") == "canceled");
  CHECK(count_processes(s, "97011.5") == 0);
}

TEST_CASE("after any other end a terminal lingers, is attached to again, and shows what was there") {
  if (!over_the_door()) return;
  const auto s = daemon().space("main");
  terminal_client first(terminal_path(s, "rows=30&cols=90"));
  first.type("echo rem''ember; cd /usr\n");
  first.wait_for("remember\r\n");
  SUBCASE("closed with another code") { first.close(closed::going_away); }
  SUBCASE("closed without a code") { first.frame(0x88, ""); }
  SUBCASE("reset") { first.reset(); }
  const auto id = first.id();
  CHECK(text(record_of(s, id), "state") == "running");
  terminal_client second(attach_path(s, id));
  CHECK(second.id() == id);
  CHECK(text(second.started(), "rows") == "30");
  const auto shown = second.wait_for("remember\r\n");
  CHECK(shown.starts_with("\x1b"
                          "c"));
  second.type("pwd\n");
  second.wait_for("/usr\r\n");
  terminal_client third(attach_path(s, id, "rows=41&cols=121"));
  CHECK(text(third.started(), "cols") == "121");
  third.type("stty size\n");
  third.wait_for("41 121\r\n");
  third.close();
  CHECK(comes_true([&] { return text(record_of(s, id), "state") == "ended"; }));
}

TEST_CASE("a terminal that nobody comes back to is hung up when its time is over; a detached one never") {
  if (!over_the_door()) return;
  const auto s = daemon().space("main");
  terminal_client kept(terminal_running(s, noting("kept"), "detach=true"));
  kept.wait_for("ready\r\n");
  kept.reset();
  terminal_client left(terminal_running(s, noting("left"), "lingerMs=300"));
  left.wait_for("ready\r\n");
  left.reset();
  CHECK(text(ending_of(s, left.id()), "exitCode") == "3");
  CHECK(noted(s, "left"));
  CHECK(text(record_of(s, kept.id()), "state") == "running");
  terminal_client again(attach_path(s, kept.id()));
  again.wait_for("ready\r\n");
  again.close();
  CHECK(text(ending_of(s, kept.id()), "exitCode") == "3");
}

TEST_CASE("a terminal that may not linger at all is there for its first viewer") {
  if (!over_the_door()) return;
  const auto s = daemon().space("main");
  for (int i = 0; i < 20; ++i) {
    terminal_client terminal(terminal_running(s, noting("brief"), "lingerMs=0"));
    terminal.wait_for("ready\r\n");
    terminal.reset();
    CHECK(text(ending_of(s, terminal.id()), "exitCode") == "3");
  }
}

TEST_CASE("two viewers see the same; the last change of size wins, and both are told") {
  if (!over_the_door()) return;
  const auto s = daemon().space("main");
  terminal_client first(terminal_path(s));
  first.type("echo be''fore\n");
  first.wait_for("before\r\n");
  terminal_client second(attach_path(s, first.id()));
  second.wait_for("before\r\n");
  second.type("echo typed by se''cond\n");
  first.wait_for("typed by second\r\n");
  second.wait_for("typed by second\r\n");
  const auto sees = [](terminal_client& who, int rows, int columns) {
    for (;;) { // up to the one that is waited for; attaching changes the size twice
      const auto told = who.message("resized");
      if (told.at("rows") == rows && told.at("cols") == columns) return;
    }
  };
  first.say({{"type", "resize"}, {"rows", 40}, {"cols", 100}});
  sees(first, 40, 100);
  sees(second, 40, 100);
  second.say({{"type", "resize"}, {"rows", 20}, {"cols", 70}});
  sees(first, 20, 70);
  sees(second, 20, 70);
  first.type("stty size\n");
  second.wait_for("20 70\r\n");
  second.reset(); // one that leaves is no hang-up while the other stays
  first.type("echo still he''re\n");
  first.wait_for("still here\r\n");
  first.type("exit\n");
  CHECK(text(first.message("exit"), "outcome") == "exited");
}

TEST_CASE("a viewer that falls behind is dropped with 1013, and nobody waits for it") {
  if (!over_the_door()) return;
  const auto s = daemon().space("main");
  terminal_client first(terminal_running(
      s, "stty raw -echo; echo ready; read go; head -c 33554432 /dev/zero | tr '\\0' x; echo end; cat"));
  first.wait_for("ready");
  terminal_client slow(attach_path(s, first.id()), true, 16384);
  first.type("go\n");
  CHECK(first.wait_for("end").size() >= 33'554'432);
  CHECK(slow.close_code() == closed::try_again);
  CHECK(text(record_of(s, first.id()), "state") == "running");
  first.close();
}

TEST_CASE("the first viewer's pace holds the program") {
  if (!over_the_door()) return;
  const auto s = daemon().space("main");
  const auto before = daemon().resident_kib();
  terminal_client slow(terminal_running(s, "stty raw -echo; python3 -c \"\n"
                                           "import os\n"
                                           "n=0\n"
                                           "while n<67108864:\n"
                                           " n+=os.write(1,b'x'*65536)\n"
                                           " open('/tmp/typed','w').write(str(n))\n"
                                           "\"; echo end"),
                       true, 65536);
  const auto written = [&] { return text(exec(s, "cat /tmp/typed 2>/dev/null"), "stdout"); };
  std::string last;
  int same = 0;
  CHECK(comes_true(
      [&] {
        const auto now = written();
        same = !now.empty() && now == last ? same + 1 : 0;
        last = now;
        return same == 20;
      },
      std::chrono::seconds(30)));
  CHECK(std::stoul(last) < 33'554'432);
  CHECK(daemon().resident_kib() < before + 16 * 1024);
  CHECK(slow.wait_for("end").size() >= 67'108'864);
}

TEST_CASE("a ticket opens one terminal, once") {
  const auto s = daemon().space("main");
  const auto issue = [] {
    const auto r = ask("POST", "/api/tickets");
    CHECK(r.status == 201);
    return text(r.body.as_object(), "ticket");
  };
  const auto ticket = issue();
  CHECK(ticket.size() >= 32);
  const auto with = [&](std::string_view what) { return terminal_path(s, fmt::format("ticket={}", what)); };
  check_error(try_handshake(terminal_path(s), terminal_client::handshake), 401, "unauthorized");
  check_error(try_handshake(with("nothing"), terminal_client::handshake), 401, "unauthorized", "ticket");
  if (!over_the_door()) {
    check_refused(try_handshake(with(ticket), terminal_client::handshake));
  } else {
    terminal_client terminal(with(ticket), false);
    terminal.type("echo wel''come\n");
    terminal.wait_for("welcome\r\n");
    terminal_client second(attach_path(s, terminal.id(), "ticket=" + issue()), false);
    second.wait_for("welcome\r\n");
    second.close();
  }
  check_error(try_handshake(with(ticket), terminal_client::handshake), 401, "unauthorized", "ticket");
  // It is good for nothing else, and is not spent on it.
  check_error(try_handshake(fmt::format("/api/spaces/{}?ticket={}", s, issue()), ""), 401, "unauthorized");
}

TEST_CASE("a handshake that is wrong is 400 or 426, and starts nothing") {
  const auto s = daemon().space("shaken");
  if (!over_the_door()) {
    check_refused(try_handshake(terminal_path(s), authorization));
    return;
  }
  const auto without = [](std::string_view line) {
    std::string headers = terminal_client::handshake + authorization;
    const auto at = headers.find(line);
    REQUIRE(at != std::string::npos);
    return headers.erase(at, headers.find("\r\n", at) + 2 - at);
  };
  const auto status = [&](const std::string& headers) {
    return try_handshake(terminal_path(s), headers).status;
  };
  CHECK(status(authorization) == 426);
  CHECK(status(without("Upgrade: ")) == 426);
  CHECK(status(without("Sec-WebSocket-Version") + "Sec-WebSocket-Version: 12\r\n") == 426);
  CHECK(status(without("Sec-WebSocket-Key")) == 400);
  CHECK(status(without("Sec-WebSocket-Key") + "Sec-WebSocket-Key: short\r\n") == 400);
  CHECK(try_handshake(terminal_path(s), terminal_client::handshake + authorization, "POST").status == 405);
  CHECK(try_handshake(exec_path(s, "0", "/terminal"), terminal_client::handshake + authorization).status ==
        404);
  CHECK(ask("GET", fmt::format("/api/spaces/{}/execs", s)).body.at("execs").as_array().empty());
}

TEST_CASE("a terminal outlives a daemon that is killed, and is attached to again") {
  if (!over_the_door()) return;
  own_daemon host;
  const auto s = host->space("terminals");
  std::string id;
  {
    terminal_client terminal(terminal_path(s, "rows=31&cols=91"));
    terminal.type("cd /usr; kept=value; echo be''fore\n");
    terminal.wait_for("before\r\n");
    id = terminal.id();
    host->kill();
  }
  host->start();
  const auto found = record_of(s, id);
  CHECK(text(found, "terminal") == "true");
  CHECK(text(found, "rows") == "31");
  terminal_client again(attach_path(s, id));
  again.wait_for("before\r\n");
  again.type("echo \"<$kept|$PWD>\"; stty size\n");
  again.wait_for("<value|/usr>\r\n");
  again.wait_for("31 91\r\n");
  again.close();
  const auto end = ending_of(s, id);
  CHECK(text(end, "state") == "ended");
}
