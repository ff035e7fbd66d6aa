#include "door_space.hpp"
#include <clawdspace/door/protocol.hpp>

#include <doctest/doctest.h>

#include <csignal>

using namespace clawdspace;
using namespace clawdspace::test;

// What a command is when it comes through the door: init alone, on a real Engine, without the daemon.

namespace {

std::string scratch() {
  return from_environment("CLAWDSPACE_TEST_IMAGE_SCRATCH", "clawdspace/space:scratch");
}

/// Ends a command and returns what is said of it at last.
std::string end_of(door_connection& door, const std::string& id, bound limit = 10s) {
  door.send({"end", id});
  std::string last;
  do last = door.receive_about(id, limit).text();
  while (last.find("confirmed") == std::string::npos);
  return last;
}

} // namespace

TEST_CASE("the two outputs of a command stay apart, and every byte of them passes") {
  door_space s;
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  const auto result =
      run_through(s.door(), "bytes", {"--shell"},
                  {"python3 -c 'import sys; sys.stdout.buffer.write(bytes(range(256)) * 1000); "
                   "sys.stderr.buffer.write(bytes(range(255, -1, -1)))'"});
  std::string thousand;
  for (int i = 0; i < 1000; ++i) thousand += all;
  CHECK(result.out == thousand);
  CHECK(result.err == std::string(all.rbegin(), all.rend()));
  CHECK(result.end == "ended bytes exited 0 oom=0 gone=confirmed");
}

TEST_CASE("an end is told as it was") {
  door_space s;
  for (const char* code : {"0", "1", "126", "137", "255"})
    CHECK(run_through(s.door(), "x", {"--shell"}, {std::string("exit ") + code}).end ==
          std::string("ended x exited ") + code + " oom=0 gone=confirmed");
  for (const char* signal : {"1", "6", "9", "11", "15", "64"})
    CHECK(run_through(s.door(), "y", {"--shell"}, {std::string("kill -") + signal + " $$; sleep 5"}).end ==
          std::string("ended y signaled ") + signal + " oom=0 gone=confirmed");
}

TEST_CASE("what cannot run says why, with the system call's reason") {
  for (const profile p : {profile::standard, profile::strict}) {
    door_space s(p);
    const auto failure = [&s](std::vector<std::string> options, const std::vector<std::string>& argv) {
      return run_through(s.door(), "f", s.options(std::move(options)), argv).end;
    };
    CHECK(failure({}, {"no-such-program"}).starts_with("failed f program_not_found 2 no program"));
    CHECK(failure({}, {"/etc/passwd"}).starts_with("failed f not_executable 13 "));
    CHECK(failure({"--cwd=/no/where"}, {"true"}).starts_with("failed f no_such_directory 2 /no/where"));
    CHECK(failure({"--user=nobody-there"}, {"true"}).starts_with("failed f no_such_user 0 "));
    CHECK(failure({"--bogus"}, {"true"}).starts_with("failed f not_allowed 22 no such option `--bogus`"));
    CHECK(failure({"--set==x"}, {"true"}).starts_with("failed f not_allowed 22 "));
    CHECK(failure({}, {}).starts_with("failed f not_allowed 22 no command"));
    if (p == profile::strict)
      CHECK(failure({"--user=0"}, {"true"}).starts_with("failed f not_allowed 0 a strict space"));
    CHECK(run_through(s.door(), "g", s.options(), {"true"}).end == "ended g exited 0 oom=0 gone=confirmed");
    CHECK(eventually([&] { return s.processes() == 0; }));
  }
}

TEST_CASE("a command is a user's, with its groups, home, folder and variables") {
  door_space s;
  const auto out = [&s](std::vector<std::string> options, const std::string& text) {
    options.emplace_back("--shell");
    return run_through(s.door(), "u", std::move(options), {text}).out;
  };
  CHECK(out({}, "id -un; echo $HOME $USER $CLAWDSPACE_EXEC_ID; umask; pwd") ==
        "sandbox\n/home/sandbox sandbox u\n0022\n/home/sandbox\n");
  CHECK(out({"--user=root"}, "id -un; echo $HOME") == "root\n/root\n");
  CHECK(out({"--cwd=/tmp", "--set=A=b c", "--set=E=", "--set=HOME=/srv"},
            "pwd; echo \"$A|$E|$HOME\"; env | grep -c ^E=") == "/tmp\nb c||/srv\n1\n");
  CHECK(out({"--image-cwd=/usr", "--cwd=lib"}, "pwd") == "/usr/lib\n");
  CHECK(out({}, "ls /proc/self/fd; cat /proc/self/oom_score_adj; grep -E 'Sig(Blk|Ign)' /proc/self/status") ==
        "0\n1\n2\n3\n500\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  CHECK(out({}, "echo again > /dev/stdout") == "again\n");
}

TEST_CASE("without --input a command reads end-of-file; with it what is written, and its half-close") {
  door_space s;
  CHECK(run_through(s.door(), "none", {}, {"cat"}).end == "ended none exited 0 oom=0 gone=confirmed");
  auto command = spawn(s.door(), "cat", {"--input"}, {"cat"});
  await_start(s.door(), command);
  write_all(command.in, "one");
  CHECK(read_until(command.out, "one") == "one");
  CHECK(s.door().is_silent_about("cat", 100ms));
  write_all(command.in, "two");
  command.in.reset();
  CHECK(read_all(command.out) == "two");
  CHECK(s.door().receive_about("cat").text() == "ended cat exited 0 oom=0 gone=confirmed");
}

TEST_CASE("a command that closes its output is seen to, while it runs on") {
  door_space s;
  auto command = spawn(s.door(), "closed", {"--shell"}, {"echo x; exec >&- 2>&-; exec sleep 313"});
  await_start(s.door(), command);
  CHECK(read_all(command.out) == "x\n");
  CHECK(read_all(command.err).empty());
  CHECK(s.door().is_silent_about("closed", 100ms));
  CHECK(end_of(s.door(), "closed") == "ended closed signaled 9 oom=0 gone=confirmed");
}

TEST_CASE("what was left in the background runs on after the end, and its own end is told") {
  door_space s;
  auto command = spawn(s.door(), "bg", {"--shell"}, {"sleep 301 & (setsid sleep 302 &); exit 3"});
  await_start(s.door(), command);
  CHECK(s.door().receive_about("bg").text() == "ended bg exited 3 oom=0");
  CHECK(s.door().is_silent_about("bg", 200ms));
  CHECK(s.runs("sleep 301"));
  CHECK(s.runs("sleep 302"));
  s.as_root({"sh", "-c", "pkill -f 'sleep 30[12]'"});
  CHECK(s.door().receive_about("bg").text() == "gone bg confirmed");
}

TEST_CASE("an end reaches all that a command started, and says so") {
  for (const profile p : {profile::standard, profile::strict}) {
    door_space s(p);
    const std::string stubborn = "trap '' TERM HUP INT; setsid sleep 311 & (sleep 311 &); nohup sleep 311 & "
                                 "(trap '' TERM; exec sleep 311) & echo began; ";
    auto running = spawn(s.door(), "one", s.options({"--shell"}), {stubborn + "exec sleep 311"});
    await_start(s.door(), running);
    read_until(running.out, "began\n");
    CHECK(end_of(s.door(), "one") == "ended one signaled 9 oom=0 gone=confirmed");
    auto over = spawn(s.door(), "two", s.options({"--shell"}), {stubborn});
    await_start(s.door(), over);
    CHECK(s.door().receive_about("two").text() == "ended two exited 0 oom=0");
    CHECK(end_of(s.door(), "two") == "gone two confirmed");
    CHECK_FALSE(s.runs("sleep 311"));
    CHECK(end_of(s.door(), "two") == "gone two confirmed"); // asked again, told again
    CHECK(end_of(s.door(), "never-was") == "gone never-was unconfirmed");
    CHECK(eventually([&] { return s.processes() == 0; }));
  }
}

TEST_CASE("a fork bomb is ended, and confirmed") {
  for (const profile p : {profile::standard, profile::strict}) {
    door_space s(p, "", {"--pids-limit", "128", "--cpus", "0.5"});
    auto bomb = spawn(s.door(), "bomb", s.options(),
                      {"python3", "-c",
                       "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass\n  os.setsid() if "
                       "os.getsid(0) != os.getpid() and os.getpgrp() != os.getpid() else None"});
    await_start(s.door(), bomb);
    CHECK(eventually([&] { return s.processes() >= 120; }, 25s));
    // The space is full: what comes now is told why it cannot run.
    std::string full;
    CHECK(eventually(
        [&] {
          full = run_through(s.door(), "late", s.options(), {"true"}).end;
          return full.starts_with("failed late process_limit 11 ");
        },
        20s));
    CHECK(end_of(s.door(), "bomb", 25s).ends_with("gone=confirmed"));
    CHECK(eventually([&] { return s.processes() == 0; }));
    CHECK(run_through(s.door(), "after", s.options(), {"true"}).end ==
          "ended after exited 0 oom=0 gone=confirmed");
  }
}

TEST_CASE("a signal goes to the main process, or to all of its tree") {
  door_space s;
  auto command = spawn(
      s.door(), "sig", {"--shell"},
      {"trap 'echo main' USR1; sh -c 'trap \"echo child\" USR1; echo ready; while :; do sleep 0.05; done' & "
       "while :; do wait; done"});
  await_start(s.door(), command);
  read_until(command.out, "ready\n");
  s.door().send({"signal", "sig", std::to_string(SIGUSR1)});
  CHECK(read_until(command.out, "main\n") == "main\n");
  s.door().send({"signal", "sig", std::to_string(SIGUSR1), "tree"});
  const auto both = read_until(command.out, "child\n");
  if (both.find("main\n") == std::string::npos) read_until(command.out, "main\n");
  s.door().send({"signal", "sig", "15"});
  CHECK(s.door().receive_about("sig").text() == "ended sig signaled 15 oom=0");
  s.door().send({"signal", "sig", "15"}); // to nobody
  s.door().send({"signal", "nobody", "15"});
  s.door().send({"signal", "sig", "9", "tree"});
  CHECK(s.door().receive_about("sig").text() == "gone sig confirmed");
}

TEST_CASE("a command that does not fit into a frame comes in a memfd") {
  door_space s;
  std::vector<std::string> argv{"sh", "-c", "echo $#; printf %s \"$2\" | wc -c; echo $LONG | wc -c", "sh"};
  for (int i = 0; i < 1000; ++i) argv.emplace_back(100, static_cast<char>('a' + i % 26));
  const auto options = std::vector<std::string>{"--set=LONG=" + std::string(100'000, 'l')};
  for (const bool outlives : {false, true}) {
    auto with = options;
    if (outlives) with.emplace_back("--outlive");
    auto command = spawn_large(s.door(), outlives ? "kept" : "large", with, argv);
    await_start(s.door(), command);
    CHECK(read_until(command.out, "100001\n") == "1000\n100\n100001\n");
    CHECK(s.door().receive_about(command.id).text() ==
          "ended " + command.id + " exited 0 oom=0 gone=confirmed");
  }
}

TEST_CASE("an image without anything is a whole space") {
  door_space s(profile::strict, scratch());
  const auto result = run_through(
      s.door(), "bare", s.options(),
      {"/busybox", "sh", "-c", "id -u; id -g; pwd; echo $HOME $USER; /busybox stat -c '%u %a' ."});
  CHECK(result.out == "1001\n1001\n/home/sandbox\n/home/sandbox sandbox\n1001 700\n");
  CHECK(result.end == "ended bare exited 0 oom=0 gone=confirmed");
  CHECK(run_through(s.door(), "sh", s.options({"--shell"}), {"echo hi"})
            .end.starts_with("failed sh no_shell 2 "));
  auto login = spawn(s.door(), "login", s.options({"--tty", "--login"}), {});
  CHECK(s.door().receive_about("login").text().starts_with("failed login no_shell 2 "));
}

TEST_CASE("what the kernel kills for want of memory is counted") {
  door_space s(profile::standard, "", {"--memory", "64m", "--memory-swap", "64m"});
  const auto result = run_through(s.door(), "big", {}, {"python3", "-c", "x = bytearray(256 << 20)"});
  CHECK(result.end.starts_with("ended big signaled 9 oom="));
  CHECK(result.end.find("oom=0") == std::string::npos);
}
