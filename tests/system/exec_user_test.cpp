#include "exec_support.hpp"

#include <string>

using namespace clawdspace::test;

// Who runs a command, where, and with what around it: from the space's own passwd and group, as `docker exec`
// has them.

namespace {

std::string said(const std::string& space, json::object body) {
  return text(exec(space, std::move(body)), "stdout");
}

} // namespace

TEST_CASE("a user brings its groups, its home and its shell, by name and by number") {
  const auto s = daemon().space("users");
  const auto made = exec(
      s, json::object{{"command", "groupadd -g 3001 crew; groupadd -g 3002 deck; useradd -u 3003 -g crew "
                                  "-G deck -d /srv/jack -m -s /bin/sh jack"},
                      {"user", "root"}});
  REQUIRE_MESSAGE(text(made, "exitCode") == "0", json::serialize(made));
  constexpr std::string_view who = "echo \"$(id -u):$(id -g):$(id -G)|$USER|$LOGNAME|$HOME|$SHELL|$(pwd)\"";
  const auto as = [&](const json::value& user) {
    return said(s, {{"command", who}, {"user", user}, {"cwd", "/"}});
  };
  CHECK(as("jack") == "3003:3001:3001 3002|jack|jack|/srv/jack|/bin/sh|/\n");
  CHECK(as(3003) == "3003:3001:3001 3002|jack|jack|/srv/jack|/bin/sh|/\n");
  CHECK(as("3003") == as(3003));
  CHECK(as("jack:deck").starts_with("3003:3002:3002"));
  CHECK(as("jack:4000").starts_with("3003:4000:4000"));
  CHECK(as("5000:6000").starts_with("5000:6000:6000|"));
  for (const auto* user : {"jack:nobody-here", "nobody-here", "jack:", ":crew", "-1", "4294967295"}) {
    CAPTURE(user);
    const auto r = exec(s, json::object{{"command", "true"}, {"user", user}});
    CHECK(text(r, "outcome") == "failed_to_start");
    CHECK(text(r, "code") == "no_such_user");
  }
}

TEST_CASE("without a folder a command starts where the image says, or at home; a relative one starts there") {
  const auto s = daemon().space("main");
  CHECK(said(s, {{"command", "pwd"}}) == "/home/sandbox\n");
  CHECK(said(s, {{"command", "mkdir -p below; cd below; pwd"}}) == "/home/sandbox/below\n");
  CHECK(said(s, {{"command", "pwd"}, {"cwd", "below"}}) == "/home/sandbox/below\n");
  const auto file = exec(s, json::object{{"command", "true"}, {"cwd", "/etc/passwd"}});
  CHECK(text(file, "code") == "no_such_directory");
  const auto forbidden = exec(s, json::object{{"command", "true"}, {"cwd", "/root"}});
  CHECK(text(forbidden, "outcome") == "failed_to_start");
  CHECK(forbidden.at("exitCode").is_null());
}

TEST_CASE("a command has the space's environment, its own over it, and nothing of ours") {
  const auto s = daemon().space("environed", {{"env", {{"SHARED", "space"}, {"KEPT", "space"}}}});
  CHECK(said(s, {{"command", "echo $SHARED $KEPT $LANG"}, {"env", {{"SHARED", "own"}}}}) ==
        "own space C.UTF-8\n");
  CHECK(said(s, {{"command", "echo $HOME $USER $PATH"},
                 {"env", {{"HOME", "/x"}, {"USER", "y"}, {"PATH", "/bin"}}}}) == "/x y /bin\n");
  CHECK(said(s, {{"command", "env | grep -ciE 'token|api_key'; true"}}) == "0\n");
  CHECK(said(s, {{"command", "umask; ulimit -c; cat /proc/self/oom_score_adj >/dev/null && echo ok"}})
            .starts_with("0022\n"));
  // No signal is blocked or ignored, and nothing is open but the three.
  CHECK(said(s, {{"command", {"grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"}}}) ==
        "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  CHECK(said(s, {{"command", {"ls", "/proc/self/fd"}}}) == "0\n1\n2\n3\n"); // 3 is the listing's own
  const auto many = said(
      s, {{"command", {"python3", "-c", "import os;print(sum(len(v) for v in os.environ.values())>900000)"}},
          {"env", [] {
             json::object all;
             for (int i = 0; i < 9; ++i) all[fmt::format("LARGE{}", i)] = std::string(100'000, 'x');
             return all;
           }()}});
  CHECK(many == "True\n");
}

TEST_CASE("both outputs into one come in the order of their writing") {
  const auto s = daemon().space("main");
  std::string expected;
  for (int i = 0; i < 2000; ++i) expected += fmt::format("out{0}\nerr{0}\n", i);
  constexpr std::string_view command =
      "exec 2>&1; i=0; while [ $i -lt 2000 ]; do echo out$i; echo err$i >&2; i=$((i+1)); done";
  CHECK(said(s, {{"command", command}}) == expected);
  CHECK(stream_json(s, "raw", {{"command", command}}).rest() == expected);
}

TEST_CASE("a command may write to its outputs by name, whoever it is") {
  const auto s = daemon().space("main");
  for (const std::string user : {"root", "sandbox", "1234"}) {
    const auto r =
        exec(s, json::object{{"command", "echo out >/dev/stdout; echo err >/dev/stderr"}, {"user", user}});
    CHECK(text(r, "outcome") == "exited");
    // The Engine's pipes are its own, and only a superuser may open them: as with `docker exec`.
    if (!over_the_door() && user != "root") continue;
    CHECK(text(r, "stdout") == "out\n");
    CHECK(text(r, "stderr") == "err\n");
  }
}

TEST_CASE("a command that closes its outputs is waited for to its end") {
  const auto s = daemon().space("main");
  const auto r = exec(s, "echo first; exec >&- 2>&-; sleep 0.5; exit 6");
  CHECK(text(r, "stdout") == "first\n");
  CHECK(text(r, "outcome") == "exited");
  CHECK(text(r, "exitCode") == "6");
}
