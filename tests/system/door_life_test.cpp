#include "door_space.hpp"
#include <clawdspace/door/protocol.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace clawdspace;
using namespace clawdspace::test;

namespace {

/// The frame about a command in a greeting.
door_frame told_of(const greeting& told, const std::string& id) {
  const auto found = std::find_if(told.commands.begin(), told.commands.end(),
                                  [&](const door_frame& f) { return f.word(1) == id; });
  if (found == told.commands.end()) throw std::runtime_error("the greeting does not have " + id);
  door_frame copy;
  copy.words = found->words;
  for (const auto& fd : found->fds) copy.fds.emplace_back(::dup(fd.value()));
  return copy;
}

/// How many init holds, without the one for each of its crew, when it has done what it was asked.
auto descriptors(door_space& s) {
  CHECK(run_through(s.door(), "last", {}, {"true"}).end == "ended last exited 0 oom=0 gone=confirmed");
  const std::filesystem::directory_iterator all("/proc/" + std::to_string(s.init_pid()) + "/fd");
  return std::distance(begin(all), end(all)) - s.crew();
}

} // namespace

TEST_CASE("the greeting has a version and a life that stays the same") {
  door_space s;
  CHECK(s.told().version == "2");
  CHECK(s.told().life.size() >= 16);
  CHECK(s.told().commands.empty());
  const auto life = s.told().life;
  s.reconnect();
  CHECK(s.told().life == life);
  CHECK(run_through(s.door(), "x", {}, {"true"}).end == "ended x exited 0 oom=0 gone=confirmed");
  door_space other;
  CHECK(other.told().life != life);
}

TEST_CASE("what outlives the door comes back with its descriptors, and goes on") {
  door_space s;
  auto command = spawn(s.door(), "out", {"--outlive", "--input"}, {"cat"});
  await_start(s.door(), command);
  auto tty = spawn(s.door(), "tty", {"--outlive", "--tty", "--shell"},
                   {"echo begun; read line; echo got $line; exit 7"});
  await_start(s.door(), tty);
  read_until(tty.master, "begun");
  auto over = spawn(s.door(), "over", {"--outlive", "--shell"}, {"echo rest; exit 9"});
  await_start(s.door(), over);
  CHECK(s.door().receive_about("over").text() == "ended over exited 9 oom=0 gone=confirmed");
  write_all(command.in, "before;");
  read_until(command.out, "before;");
  s.hang_up();
  write_all(command.in, "between;");
  for (unique_fd* fd : {&command.in, &command.out, &command.err, &tty.master, &over.out, &over.err})
    fd->reset();

  s.reconnect();
  REQUIRE(s.told().commands.size() == 3);
  auto back = told_of(s.told(), "out");
  CHECK(back.text() == "command out running " + std::to_string(command.pid) + " fds=ioeh");
  REQUIRE(back.fds.size() == 4);
  CHECK(read_until(back.fds[1], "between;") == "between;");
  write_all(back.fds[0], "after;");
  CHECK(read_until(back.fds[1], "after;") == "after;");
  ::lseek(back.fds[3].value(), 0, SEEK_SET);
  CHECK(read_all(back.fds[3]) == "the history of out");
  auto ended = told_of(s.told(), "over");
  CHECK(ended.text() == "command over exited 9 oom=0 gone=confirmed fds=oeh");
  CHECK(read_all(ended.fds.at(0)) == "rest\n");
  auto again = told_of(s.told(), "tty");
  CHECK(again.text() == "command tty running " + std::to_string(tty.pid) + " fds=th");
  write_all(again.fds.at(0), "this\n");
  read_until(again.fds[0], "got this");
  CHECK(s.door().receive_about("tty").text() == "ended tty exited 7 oom=0 gone=confirmed");

  // A copy that init keeps holds the input open until it is told to let go.
  back.fds[0].reset();
  s.told().commands.clear();
  CHECK(s.door().is_silent_about("out", 100ms));
  s.door().send({"close-input", "out"});
  CHECK(s.door().receive_about("out").text() == "input-closed out");
  CHECK(s.door().receive_about("out").text() == "ended out exited 0 oom=0 gone=confirmed");
  for (const char* id : {"out", "tty", "over"}) s.door().send({"forget", id});
  s.reconnect();
  CHECK(s.told().commands.empty());
}

TEST_CASE("what does not outlive the door ends ten seconds after it was lost, and its ending is told") {
  door_space s;
  auto plain = spawn(s.door(), "plain", {"--shell"},
                     {"trap '' HUP TERM PIPE; (setsid sleep 331 &); sleep 331; sleep 331"});
  await_start(s.door(), plain);
  auto left = spawn(s.door(), "left", {"--shell"}, {"sleep 332 & exit 2"});
  await_start(s.door(), left);
  CHECK(s.door().receive_about("left").text() == "ended left exited 2 oom=0");
  auto kept = spawn(s.door(), "kept", {"--outlive"}, {"sleep", "333"});
  await_start(s.door(), kept);
  const auto lost = std::chrono::steady_clock::now();
  s.hang_up();
  s.reconnect();
  CHECK(told_of(s.told(), "left").text() == "command left exited 2 oom=0");
  CHECK(told_of(s.told(), "kept").text() == "command kept running " + std::to_string(kept.pid) + " fds=oeh");
  CHECK(s.told().commands.size() == 2);
  CHECK(s.runs("sleep 331"));
  CHECK(s.door().receive_about("plain", 15s).text() == "ended plain signaled 9 oom=0 gone=confirmed");
  const auto took = std::chrono::steady_clock::now() - lost;
  CHECK(took >= 9900ms);
  CHECK(took <= 12s);
  CHECK_FALSE(s.runs("sleep 331"));
  CHECK(s.runs("sleep 332")); // its command had ended before
  CHECK(s.runs("sleep 333"));
  s.reconnect();
  CHECK(told_of(s.told(), "plain").text() == "command plain signaled 9 oom=0 gone=confirmed");
}

TEST_CASE("init keeps the last endings until they are forgotten, and no more") {
  door_space s;
  const unsigned count = door::ending_limit + 20;
  for (unsigned i = 0; i < count; ++i) {
    const auto id = "e" + std::to_string(i);
    auto command = spawn(s.door(), id, {}, {"true"});
    await_start(s.door(), command);
    CHECK(s.door().receive_about(id).text() == "ended " + id + " exited 0 oom=0 gone=confirmed");
  }
  s.reconnect();
  CHECK(s.told().commands.size() == door::ending_limit);
  CHECK_NOTHROW(told_of(s.told(), "e" + std::to_string(count - 1)));
  CHECK_THROWS(told_of(s.told(), "e0"));
  for (const auto& frame : s.told().commands) s.door().send({"forget", frame.word(1)});
  s.reconnect();
  CHECK(s.told().commands.empty());
}

TEST_CASE("no zombie stays, whoever its parent was") {
  door_space s;
  const auto result = run_through(s.door(), "z", {"--shell"},
                                  {"for i in $(seq 500); do (setsid true &); done >/dev/null 2>&1"});
  CHECK(result.end.starts_with("ended z exited 0 oom=0"));
  CHECK(eventually([&] { return s.processes() == 0; }));
  s.as_root({"sh", "-c", "for i in $(seq 300); do (setsid true &); done"});
  CHECK(eventually([&] { return s.processes() == 0; }));
}

TEST_CASE("a subreaper that was killed leaves a command that is lost, and a tree that nobody knows") {
  door_space s;
  auto command = spawn(s.door(), "lost", {"--shell"}, {"(setsid sleep 341 &); echo up; exec sleep 342"});
  await_start(s.door(), command);
  read_until(command.out, "up\n");
  auto left = spawn(s.door(), "left", {"--shell"}, {"sleep 343 & exit 0"});
  await_start(s.door(), left);
  CHECK(s.door().receive_about("left").text() == "ended left exited 0 oom=0");
  REQUIRE(s.as_root({"sh", "-c", "kill -9 $(pgrep -P 1 -x init)"}).code == 0);
  CHECK(s.door().receive_about("lost").text() == "ended lost lost 0 oom=0 gone=unconfirmed");
  CHECK(s.door().receive_about("left").text() == "gone left unconfirmed");
  CHECK(run_through(s.door(), "after", {}, {"true"}).end == "ended after exited 0 oom=0 gone=confirmed");
  // What bears their marks can still be ended, but nobody knows whether that is all.
  CHECK(s.runs("sleep 341"));
  for (const char* id : {"lost", "left"}) {
    s.door().send({"end", id});
    CHECK(s.door().receive_about(id).text() == std::string("gone ") + id + " unconfirmed");
  }
  CHECK_FALSE(s.runs("sleep 34"));
  CHECK(eventually([&] { return s.processes() == 0; }));
}

TEST_CASE("an end that comes before the start is heeded as well") {
  door_space s;
  for (int i = 0; i < 50; ++i) {
    const auto id = "e" + std::to_string(i);
    auto command = spawn(s.door(), id, {}, {"sleep", "344"});
    s.door().send({"end", id});
    auto frame = s.door().receive_about(id);
    if (frame.word(0) == "started") frame = s.door().receive_about(id);
    CHECK(frame.text() == "ended " + id + " signaled 9 oom=0 gone=confirmed");
  }
}

TEST_CASE("who stops subreapers, or commands before they run, does not hold up their end") {
  door_space s;
  auto stopped = spawn(s.door(), "stopped", {}, {"sleep", "345"});
  await_start(s.door(), stopped);
  REQUIRE(s.as_root({"sh", "-c", "kill -STOP $(pgrep -P 1 -x init)"}).code == 0);
  s.door().send({"end", "stopped"});
  CHECK(s.door().receive_about("stopped").text() == "ended stopped signaled 9 oom=0 gone=confirmed");

  auto foe = spawn(
      s.door(), "foe", {},
      {"python3", "-c",
       "import os\nprint('up', flush=True)\nwhile True:\n  try: os.kill(-1, 19)\n  except OSError: pass"});
  await_start(s.door(), foe);
  read_until(foe.out, "up\n");
  for (int i = 0; i < 50; ++i) {
    const auto id = "v" + std::to_string(i);
    auto victim = spawn(s.door(), id, {}, {"sleep", "346"});
    s.door().send({"end", id});
    auto frame = s.door().receive_about(id);
    if (frame.word(0) == "started") frame = s.door().receive_about(id);
    CHECK(frame.text() == "ended " + id + " signaled 9 oom=0 gone=confirmed");
  }
  s.door().send({"end", "foe"});
  CHECK(s.door().receive_about("foe").text() == "ended foe signaled 9 oom=0 gone=confirmed");
}

TEST_CASE("in a strict space nothing can be done to init or a subreaper, by any user") {
  door_space s(profile::strict);
  auto other = spawn(s.door(), "other", s.options(), {"sleep", "351"});
  await_start(s.door(), other);
  const auto result = run_through(s.door(), "foe", s.options(), {"python3", "-c", R"(
import os, signal
ours = [1] + [int(p) for p in os.listdir('/proc') if p.isdigit() and open(f'/proc/{p}/comm').read() == 'init\n' and p != '1']
assert len(ours) >= 3, ours
def refused(what, call, *args):
    try:
        call(*args)
        print('allowed:', what, args)
    except OSError as e:
        pass
for p in ours:
    for s in (signal.SIGKILL, signal.SIGSTOP, signal.SIGUSR1, signal.SIGTERM, 0):
        refused('kill', os.kill, p, s)
    for f in ('mem', 'environ', 'maps', 'auxv'): # mem takes what ptrace takes
        try:
            if open(f'/proc/{p}/{f}', 'rb').read(1): print('read', p, f)
        except OSError: pass
    refused('fds', os.listdir, f'/proc/{p}/fd')
    refused('cwd', os.readlink, f'/proc/{p}/cwd')
    refused('nice', os.setpriority, os.PRIO_PROCESS, p, 5)
    refused('affinity', os.sched_setaffinity, p, [0])
    refused('oom', lambda: os.write(os.open(f'/proc/{p}/oom_score_adj', os.O_WRONLY), b'1000'))
    refused('pidfd', lambda: signal.pidfd_send_signal(os.pidfd_open(p), signal.SIGKILL))
try: refused('write', open, '/.clawdspace/x', 'w')
except OSError: pass
print('caps', [l.split()[1] for l in open('/proc/self/status') if l.startswith('Cap')])
print('fds', sorted(os.listdir('/proc/self/fd'))[:3])
)"});
  CHECK(result.err == "");
  const std::string none(16, '0');
  CHECK(result.out == "caps ['" + none + "', '" + none + "', '" + none + "', '" + none + "', '" + none +
                          "']\nfds ['0', '1', '2']\n");
  CHECK(s.door().is_silent_about("other", 50ms));
}

TEST_CASE("a frame that is none ends the connection, and a verb of the future does not") {
  door_space s;
  const auto before = descriptors(s);
  s.door().send({"dance", "a", "b"}, {0});
  s.door().send({"forget", "never-was"});
  CHECK(run_through(s.door(), "x", {}, {"true"}).end == "ended x exited 0 oom=0 gone=confirmed");
  const auto [read, write] = make_pipe();
  const int fd = write.value();
  const auto unsealed = make_memfd(std::string("spawn\0a\0--\0true\0", 16), false);
  const auto another = make_memfd(std::string("spawn\0b\0--\0true\0", 16), true);
  const auto no_frame = make_memfd("spawn", true);
  struct wrong {
    std::string bytes;
    std::vector<int> fds = {};
  };
  const std::vector<wrong> all{
      {std::string("spawn", 5)},
      {std::string("\0", 1)},
      {std::string("end\0", 4)},
      {std::string("end\0a/b\0", 8)},
      {std::string("spawn\0a\0--\0true\0", 16)},
      {std::string("spawn\0a\0--\0true\0", 16), {fd}},
      {std::string("spawn\0a\0--\0true\0", 16), {fd, fd, fd}},
      {std::string("spawn\0a\0--input\0--\0true\0", 24), {fd, fd}},
      {std::string("spawn\0a\0--rows=0\0--\0true\0", 25), {fd, fd}},
      {std::string("spawn\0a\0--\0true\0", 16), std::vector<int>(20, fd)},
      {std::string("spawn-large\0a\0", 14)},
      {std::string("spawn-large\0a\0", 14), {unsealed.value(), fd, fd}},
      {std::string("spawn-large\0a\0", 14), {another.value(), fd, fd}},
      {std::string("spawn-large\0a\0", 14), {no_frame.value(), fd, fd}},
      {std::string("spawn-large\0a\0", 14), {fd, fd, fd}},
      {std::string("signal\0a\0TERM\0", 14)},
      {std::string("resize\0a\0000\0001\0", 14)},
      {std::string("welcome\0001\0", 10)},
      {std::string(door::frame_limit + 1, 'x') + '\0'},
  };
  for (const auto& [bytes, fds] : all) {
    s.door().send_bytes(bytes, fds);
    CHECK_MESSAGE(s.door().is_closed(), bytes.substr(0, 40));
    s.reconnect();
  }
  CHECK(run_through(s.door(), "y", {}, {"true"}).end == "ended y exited 0 oom=0 gone=confirmed");
  // Nothing of what came with these was kept.
  CHECK(descriptors(s) == before);
}

TEST_CASE("a space that is stopped ends its commands by SIGTERM, at once, and tells how") {
  door_space s;
  auto soft = spawn(s.door(), "soft", {"--shell"},
                    {"trap 'echo bye; exit 6' TERM; echo up; while :; do sleep 0.02; done"});
  await_start(s.door(), soft);
  read_until(soft.out, "up\n");
  auto plain = spawn(s.door(), "plain", {"--outlive"}, {"sleep", "361"});
  await_start(s.door(), plain);
  const auto begin = std::chrono::steady_clock::now();
  ::kill(s.init_pid(), SIGTERM);
  CHECK(s.door().receive_about("soft").text().starts_with("ended soft exited 6 oom=0"));
  CHECK(s.door().receive_about("plain").text().starts_with("ended plain signaled 15 oom=0"));
  CHECK(s.door().is_closed());
  CHECK(std::chrono::steady_clock::now() - begin < 1s);
  CHECK(read_all(soft.out) == "bye\n");
  CHECK(eventually([&] { return !s.container_runs(); }));
}

TEST_CASE("an id that is taken is refused, and the command of that id goes on") {
  door_space s;
  auto first = spawn(s.door(), "one", {"--input"}, {"cat"});
  await_start(s.door(), first);
  auto second = spawn(s.door(), "one", {}, {"true"});
  CHECK(s.door().receive_about("one").text() == "failed one not_allowed 17 there is a command of this id");
  first.in.reset();
  CHECK(s.door().receive_about("one").text() == "ended one exited 0 oom=0 gone=confirmed");
}

TEST_CASE("a daemon that does not read loses nothing, and a thousand commands leave nothing behind") {
  door_space s(profile::standard, "", {"--pids-limit", "-1"});
  const auto before = descriptors(s);
  const auto null = make_pipe();
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 600; ++i)
      s.door().send({"spawn", "m" + std::to_string(i), "--", "/bin/true"},
                    {null.write.value(), null.write.value()});
    for (int i = 0; i < 600; ++i) {
      const auto id = "m" + std::to_string(i);
      CHECK(s.door().receive_about(id, 20s).word(0) == "started");
      CHECK(s.door().receive_about(id, 20s).text() == "ended " + id + " exited 0 oom=0 gone=confirmed");
      s.door().send({"forget", id});
    }
    CHECK(eventually([&] { return s.processes() == 0; }));
  }
  CHECK(descriptors(s) == before);
  std::ifstream status("/proc/" + std::to_string(s.init_pid()) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) CHECK(std::stoi(line.substr(6)) < 500);
}
