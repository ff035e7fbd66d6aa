#include "terminal_client.hpp"

#include <string>

using namespace clawdspace::test;

// Terminals over WebSocket: what runs in them.

namespace {

const std::string authorized = fmt::format("{}Authorization: Bearer {}\r\n", terminal_client::handshake, key);

/// Whether it runs over the door; else, that a terminal is refused before it is one.
bool has_terminals(const std::string& space) {
  if (!over_the_door()) check_refused(try_handshake(terminal_path(space), authorized));
  return over_the_door();
}

} // namespace

TEST_CASE("a terminal is the user's own login shell, on a real one") {
  const auto s = daemon().space("main");
  if (!has_terminals(s)) return;
  terminal_client terminal(terminal_path(s));
  CHECK(text(terminal.started(), "rows") == "24");
  CHECK(text(terminal.started(), "cols") == "80");
  CHECK(!terminal.id().empty());
  terminal.type("echo \"<$0|$(tty)|$TERM|$LANG|$(id -un)|$PWD|$SHELL>\"\n");
  terminal.wait_for("<-bash|/dev/pts/");
  terminal.wait_for("|xterm-256color|C.UTF-8|sandbox|/home/sandbox|/bin/bash>\r\n");
  terminal.type("shopt -q login_shell && echo log''in\n");
  terminal.wait_for("login\r\n");
  const auto told = record_of(s, terminal.id());
  CHECK(told.at("command").is_null());
  CHECK(text(told, "terminal") == "true");
  CHECK(text(told, "state") == "running");
  terminal.type("exit 5\n");
  const auto exit = terminal.message("exit");
  CHECK(text(exit, "outcome") == "exited");
  CHECK(text(exit, "exitCode") == "5");
  CHECK(terminal.close_code() == closed::normal);
  CHECK(text(record_of(s, terminal.id()), "exitCode") == "5");
}

TEST_CASE("a terminal runs what it is given, as whom, where and with what") {
  const auto s = daemon().space("main");
  if (!has_terminals(s)) return;
  terminal_client given(
      terminal_path(s, "arg=sh&arg=-c&arg=" + to_query("stty size; id -un; pwd; echo $ODD; exit 3") +
                           "&rows=33&cols=101&user=root&cwd=%2Fusr&env=" + to_query("ODD=a b")));
  given.wait_for("33 101\r\nroot\r\n/usr\r\na b\r\n");
  CHECK(text(given.message("exit"), "exitCode") == "3");
  CHECK(given.close_code() == closed::normal);

  terminal_client missing(terminal_path(s, "arg=no-such-program"));
  const auto end = missing.message("exit");
  CHECK(text(end, "outcome") == "failed_to_start");
  CHECK(text(end, "code") == "program_not_found");
  CHECK(end.at("exitCode").is_null());
  CHECK(missing.close_code() == closed::normal);

  for (const auto* query : {"rows=0", "cols=70000", "arg=", "command=a&arg=b", "lingerMs=x",
                            "lingerMs=1&detach=true", "detach=yes", "colour=256", "env=%3DA"}) {
    CAPTURE(query);
    CHECK(try_handshake(terminal_path(s, query), authorized).status == 400);
  }
  CHECK(try_handshake(terminal_path("nowhere"), authorized).status == 404);
}

TEST_CASE("a terminal has the size that it is told, last, and the program knows") {
  const auto s = daemon().space("main");
  if (!has_terminals(s)) return;
  terminal_client terminal(terminal_path(s, "rows=30&cols=90"));
  terminal.type("stty size\n");
  terminal.wait_for("30 90\r\n");
  terminal.type("trap 'echo chan''ged' WINCH; echo rea''dy\n");
  terminal.wait_for("ready\r\n");
  terminal.say({{"type", "resize"}, {"rows", 50}, {"cols", 132}});
  const auto told = terminal.message("resized");
  CHECK(text(told, "rows") == "50");
  CHECK(text(told, "cols") == "132");
  terminal.type("stty size\n");
  terminal.wait_for("changed\r\n");
  terminal.wait_for("50 132\r\n");
  CHECK(text(record_of(s, terminal.id()), "cols") == "132");
  terminal.close();
}

TEST_CASE("job control works: Ctrl-C, Ctrl-Z, bg, fg, Ctrl-D") {
  const auto s = daemon().space("main");
  if (!has_terminals(s)) return;
  terminal_client terminal(terminal_path(s));
  terminal.type("sleep 96101.5\n");
  CHECK(comes_true([&] { return count_processes(s, "96101.5") == 1; }));
  terminal.type("\x03");
  CHECK(comes_true([&] { return count_processes(s, "96101.5") == 0; }));
  terminal.wait_for("$ "); // a shell that is yet to hear of the Ctrl-C drops what was typed behind it
  terminal.type("echo code=$?\n");
  terminal.wait_for("code=130\r\n");
  terminal.type("sleep 96102.5\n");
  CHECK(comes_true([&] { return count_processes(s, "96102.5") == 1; }));
  terminal.type("\x1a");
  terminal.wait_for("Stopped");
  terminal.type("bg\n");
  terminal.wait_for("sleep 96102.5 &\r\n");
  terminal.type("jobs\n");
  terminal.wait_for("Running");
  terminal.type("fg\n");
  terminal.wait_for("sleep 96102.5\r\n");
  terminal.type("\x03");
  terminal.wait_for("$ ");
  terminal.type("echo code=$?\n");
  terminal.wait_for("code=130\r\n");
  terminal.type("cat /dev/fd/0\n");
  CHECK(comes_true([&] { return count_processes(s, "/dev/fd/0") == 1; }));
  terminal.type("li''ne\n");
  terminal.wait_for("li''ne\r\nli''ne\r\n");
  terminal.type("\x04");
  terminal.type("echo code=$?\n");
  terminal.wait_for("code=0\r\n");
  terminal.wait_for("$ "); // before, the end-of-file would be the line's and not the shell's
  terminal.type("\x04");
  CHECK(text(terminal.message("exit"), "outcome") == "exited");
  CHECK(terminal.close_code() == closed::normal);
}

TEST_CASE("a terminal's own device, its colours and every byte pass as they are") {
  const auto s = daemon().space("main");
  if (!has_terminals(s)) return;
  terminal_client terminal(terminal_path(s));
  terminal.type("echo th''ere > $(tty)\n");
  terminal.wait_for("there\r\n");
  terminal.type("echo th''ere > /dev/tty; echo st''dout > /dev/stdout\n");
  terminal.wait_for("there\r\n");
  terminal.wait_for("stdout\r\n");
  terminal.type("for i in 16 196 231; do printf \"\\033[38;5;${i}mc\\033[0m\"; done; echo\n");
  terminal.wait_for("\x1b[38;5;16mc\x1b[0m\x1b[38;5;196mc\x1b[0m\x1b[38;5;231mc\x1b[0m");
  terminal.type("printf '\\303\\244\\342\\202\\254\\377\\000\\n'\n");
  terminal.wait_for(std::string("\xc3\xa4\xe2\x82\xac\xff\0\r\n", 9));

  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  terminal_client raw(terminal_running(
      s, "stty raw -echo; echo ready; head -c 256 | od -An -v -tx1 | tr -d ' \\n'; echo over"));
  raw.wait_for("ready");
  raw.type(all);
  std::string expected;
  for (const char c : all) expected += fmt::format("{:02x}", static_cast<unsigned char>(c));
  raw.wait_for(expected + "over");
}

TEST_CASE("what is typed may be any length, in pieces of any size") {
  const auto s = daemon().space("main");
  if (!has_terminals(s)) return;
  terminal_client terminal(
      terminal_running(s, "stty raw -echo; echo ready; head -c 3000000 | sha256sum; stty sane"));
  terminal.wait_for("ready");
  const auto bytes = noise(3'000'000);
  const std::string_view view = bytes;
  terminal.frame(0x02, view.substr(0, 1));
  terminal.frame(0x89, "ping in between");
  terminal.frame(0x00, view.substr(1, 1'000'000));
  terminal.frame(0x80, view.substr(1'000'001, 999'999));
  terminal.frame(0x82, view.substr(2'000'000));
  terminal.wait_for(sha256(bytes));
  CHECK(text(terminal.message("exit"), "exitCode") == "0");
}

TEST_CASE("a signal is sent by message; what is no message closes the terminal with the code for it") {
  const auto s = daemon().space("main");
  if (!has_terminals(s)) return;
  constexpr std::string_view command = "trap 'echo got HUP' HUP; echo ready; while :; do sleep 0.05; done";
  {
    terminal_client terminal(terminal_running(s, command));
    terminal.wait_for("ready\r\n");
    terminal.say({{"type", "signal"}, {"signal", "SIGHUP"}});
    terminal.wait_for("got HUP\r\n");
    terminal.say({{"type", "signal"}, {"signal", "KILL"}});
    const auto exit = terminal.message("exit");
    CHECK(text(exit, "outcome") == "signaled");
    CHECK(text(exit, "signal") == "SIGKILL");
  }
  struct bad {
    unsigned head;
    std::string payload;
    unsigned code;
    std::string names;
  };
  const std::vector<bad> all{
      {0x81, "no json", closed::policy, ""},
      {0x81, "[]", closed::policy, "type"},
      {0x81, "{}", closed::policy, "type"},
      {0x81, R"({"type":"dance"})", closed::policy, "type"},
      {0x81, R"({"type":"resize","rows":10})", closed::policy, "cols"},
      {0x81, R"({"type":"resize","rows":0,"cols":10})", closed::policy, "rows"},
      {0x81, R"({"type":"resize","rows":"10","cols":10})", closed::policy, "rows"},
      {0x81, R"({"type":"resize","rows":10,"cols":10,"depth":1})", closed::policy, "depth"},
      {0x81, R"({"type":"signal"})", closed::policy, "signal"},
      {0x81, R"({"type":"signal","signal":"SIGWHAT"})", closed::policy, "SIGWHAT"},
      {0x81, "{\"type\":\"\xff\"}", closed::bad_text, ""},
      {0x81, std::string(1U << 20, ' '), closed::too_large, ""},
  };
  for (const auto& [head, payload, code, names] : all) {
    CAPTURE(payload.substr(0, 80));
    terminal_client terminal(terminal_running(s, command));
    terminal.wait_for("ready\r\n");
    terminal.frame(head, payload);
    CHECK(terminal.close_code() == code);
    CHECK(terminal.close_reason().find(names) != std::string::npos);
    CHECK(ask("DELETE", exec_path(s, terminal.id())).status == 200);
  }
}

TEST_CASE("programs that draw the whole screen start, draw, and give it back") {
  const auto s = daemon().space("main");
  if (!has_terminals(s)) return;
  struct program {
    std::string name;
    std::string command;
    std::string draws; ///< what stands on the screen then
    std::string quit;
  };
  const std::vector<program> all{
      {"top", "top -d 100", "COMMAND", "q"},
      {"less", "seq 1 500 | less", "23\r\n", "q"},
      {"vi", "vi -u NONE", "~", ":q!\r"},
      {"tmux", "tmux -f /dev/null new-session 'printf in-tmux; exec cat'", "in-tmux", "\x04"},
  };
  const auto has = [&](const std::string& name) {
    return text(exec(s, "command -v " + name), "exitCode") == "0";
  };
  int drawn = 0;
  for (const auto& [name, command, draws, quit] : all) {
    CAPTURE(name);
    if (!has(name)) continue; // the image's own affair; procps is in all of them
    terminal_client terminal(terminal_running(s, command));
    terminal.wait_for(draws);
    terminal.type(quit);
    CHECK(text(terminal.message("exit"), "exitCode") == "0");
    ++drawn;
  }
  CHECK(drawn > 0);
}

TEST_CASE("exec with a terminal works over plain HTTP as well, both ways") {
  const auto s = daemon().space("main");
  const json::object body{{"command", "stty -echo; stty size; tty; read l; echo \"<$l>\"; exit 4"},
                          {"tty", true},
                          {"rows", 44},
                          {"cols", 144},
                          {"openStdin", true}};
  auto raw = stream_json(s, "raw", body);
  REQUIRE(raw.head() == 200);
  std::string seen;
  while (seen.find("/dev/pts/") == std::string::npos || !seen.ends_with("\n")) seen += raw.chunk();
  if (over_the_door()) CHECK(seen.starts_with("44 144\r\n")); // the Engine sizes it a moment after its start
  CHECK(feed(s, raw.header("X-Exec-Id"), "words\n", false).status == 200);
  CHECK(raw.rest() == "<words>\r\n");
  CHECK(raw.trailers().at("X-Exit-Code") == "4");

  const auto ended = exec(s, json::object{{"command", "cat; echo over"}, {"tty", true}, {"stdin", "line\n"}});
  CHECK(text(ended, "stdout").find("line\r\n") != std::string::npos);
  CHECK(text(ended, "stdout").ends_with("over\r\n"));
  exec_stream_client put(
      fmt::format("PUT /api/spaces/{}/exec?command={}&tty=true&stream=raw", s, to_query("stty -echo; cat")),
      "from a body\n", "Content-Length: 12\r\n");
  CHECK(put.rest().find("from a body\r\n") != std::string::npos);
}
