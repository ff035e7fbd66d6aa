#include "door_space.hpp"

#include <doctest/doctest.h>

#include <sys/ioctl.h>

using namespace clawdspace::test;

namespace {

door_command terminal(door_space& s, const std::string& id, std::vector<std::string> more,
                      const std::vector<std::string>& argv) {
  more.emplace_back("--tty");
  auto command = spawn(s.door(), id, s.options(std::move(more)), argv);
  await_start(s.door(), command);
  return command;
}

} // namespace

TEST_CASE("a terminal is its user's, has its size from the start, and is resized") {
  for (const profile p : {profile::standard, profile::strict}) {
    door_space s(p);
    auto t = terminal(s, "t", {"--rows=33", "--columns=101", "--shell"},
                      {"stty size; tty; stat -c '%U %a' $(tty); echo own > $(tty); echo $TERM $LANG; "
                       "trap 'stty size; exit 4' WINCH; echo ready; while :; do sleep 0.05; done"});
    const auto said = read_until(t.master, "ready\r\n");
    CHECK(said.starts_with("33 101\r\n/dev/pts/"));
    CHECK(said.find("sandbox 620\r\nown\r\nxterm-256color C.UTF-8\r\n") != std::string::npos);
    s.door().send({"resize", "t", "50", "132"});
    CHECK(read_until(t.master, "50 132\r\n") == "50 132\r\n");
    CHECK(s.door().receive_about("t").text() == "ended t exited 4 oom=0 gone=confirmed");
  }
}

TEST_CASE("a login shell has job control, Ctrl-C and Ctrl-Z") {
  door_space s;
  auto t = terminal(s, "sh", {"--login", "--set=PS1=$ ", "--set=ENV="}, {});
  write_all(t.master, "echo $0-$((40+2)); shopt -q login_shell && echo log''in; stty -echo\n");
  CHECK(read_until(t.master, "login\r\n").find("-bash-42") != std::string::npos);
  write_all(t.master, "echo slee''ping; sleep 321\n");
  read_until(t.master, "sleeping\r\n");
  CHECK(eventually([&] { return s.runs("sleep 321"); }));
  write_all(t.master, "\x03");
  write_all(t.master, "echo code=$?\n");
  read_until(t.master, "code=130\r\n");
  write_all(t.master, "sleep 322\n");
  CHECK(eventually([&] { return s.runs("sleep 322"); }));
  write_all(t.master, "\x1a");
  read_until(t.master, "Stopped");
  write_all(t.master, "kill -9 %1; while jobs | grep -q Stopped; do :; done; exit 5\n");
  CHECK(s.door().receive_about("sh").text() == "ended sh exited 5 oom=0 gone=confirmed");
}

TEST_CASE("Ctrl-C reaches a command that is no shell, and Ctrl-Z does not leave it stopped for ever") {
  door_space s;
  auto t = terminal(s, "cat", {"--shell"}, {"echo ready; exec sleep 323"});
  read_until(t.master, "ready\r\n");
  write_all(t.master, "\x1a");
  write_all(t.master, "\x03");
  CHECK(s.door().receive_about("cat").text() == "ended cat signaled 2 oom=0 gone=confirmed");
}

TEST_CASE("a terminal that is hung up ends its session") {
  door_space s;
  auto t = terminal(s, "t", {"--shell"}, {"echo ready; exec sleep 324"});
  read_until(t.master, "ready\r\n");
  t.master.reset();
  CHECK(s.door().is_silent_about("t", 200ms)); // init still has it
  s.door().send({"hang-up", "t"});
  CHECK(s.door().receive_about("t").text() == "hung-up t");
  CHECK(s.door().receive_about("t").text() == "ended t signaled 1 oom=0 gone=confirmed");
  s.door().send({"hang-up", "never-was"});
  CHECK(s.door().receive_about("never-was").text() == "hung-up never-was");
}

TEST_CASE("a terminal's end is seen at its master") {
  door_space s;
  auto t = terminal(s, "t", {"--shell"}, {"echo last words"});
  CHECK(read_all(t.master) == "last words\r\n");
}

TEST_CASE("a space that has no /dev/ptmx of its own to offer is told of") {
  door_space s;
  REQUIRE(s.as_root({"sh", "-c", "rm /dev/ptmx && mkfifo /dev/ptmx"}).code == 0);
  auto t = terminal(s, "t", {"--shell"}, {"tty"}); // by its own devpts
  CHECK(read_all(t.master).starts_with("/dev/pts/"));
}

TEST_CASE("where no terminal is left, that is the reason") {
  door_space s(profile::standard, "", {"--ulimit", "nofile=80:80"});
  std::vector<door_command> kept;
  std::string last;
  for (int i = 0; i < 40 && last.empty(); ++i) {
    auto t = spawn(s.door(), "t" + std::to_string(i), {"--tty"}, {"sleep", "325"});
    auto frame = s.door().receive_about(t.id);
    if (frame.word(0) == "started")
      t.master = std::move(frame.fds.at(0));
    else
      last = frame.text();
    kept.push_back(std::move(t));
  }
  CHECK(kept.size() > 5);
  CHECK(last.find(" pty_limit 24 ") != std::string::npos);
  CHECK(run_through(s.door(), "plain", {}, {"true"}).end == "ended plain exited 0 oom=0 gone=confirmed");
}
