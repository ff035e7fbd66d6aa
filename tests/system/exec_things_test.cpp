#include "exec_things.hpp"

#include <string>
#include <thread>
#include <vector>

using namespace clawdspace::test;

// Commands as things: what is asked of them by id. Those that outlive their request are the door's alone;
// what the Engine's exec API carries has an id, too, and can be asked what it can do.

namespace {

/// Whether it runs over the door; else, that detaching is refused.
bool can_detach(const std::string& space) {
  if (!over_the_door())
    check_refused(
        ask("POST", fmt::format("/api/spaces/{}/exec", space), {{"command", "true"}, {"detach", true}}));
  return over_the_door();
}

std::vector<std::string> listed(const std::string& space) {
  std::vector<std::string> ids;
  const auto r = ask("GET", fmt::format("/api/spaces/{}/execs", space));
  CHECK(r.status == 200);
  for (const auto& one : r.body.at("execs").as_array()) ids.push_back(text(one.as_object(), "id"));
  return ids;
}

/// Starts a command whose client stays: its id, once it has said `words`.
std::string id_once_it_said(exec_stream_client& lines, std::string_view words) {
  const auto first = lines.line();
  CHECK(text(first, "type") == "started");
  read_up_to(lines, words);
  return text(first, "id");
}

} // namespace

TEST_CASE("a detached command is answered as soon as it runs, is listed, told in detail, and ended by id") {
  const auto s = daemon().space("main");
  if (!can_detach(s)) return;
  const auto id = detach(s, {{"command", "sleep 95001.5"}, {"cwd", "/usr"}, {"user", "root"}});
  const auto second = detach(s, {{"command", {"sleep", "95002.5"}}});
  CHECK(comes_true([&] { return count_processes(s, "95001.5") == 1 && count_processes(s, "95002.5") == 1; }));
  const auto all = listed(s);
  REQUIRE(all.size() >= 2);
  const auto newest = std::ranges::find(all, second);
  const auto older = std::ranges::find(all, id);
  CHECK(newest < older);
  CHECK(older != all.end());

  const auto now = record_of(s, id);
  CHECK(text(now, "command") == "sleep 95001.5");
  CHECK(text(now, "cwd") == "/usr");
  CHECK(text(now, "user") == "root");
  CHECK(text(now, "state") == "running");
  CHECK(text(now, "detached") == "true");
  CHECK(text(now, "terminal") == "false");
  CHECK(text(now, "history") == "true");
  CHECK(text(now, "startedAt").ends_with("Z"));
  CHECK(now.at("endedAt").is_null());
  CHECK(!now.contains("outcome"));
  CHECK(record_of(s, second).at("command") == json::value{"sleep", "95002.5"});

  for (const auto& one : {id, second}) {
    const auto ended = ask("DELETE", exec_path(s, one));
    CHECK(ended.status == 200);
    CHECK(text(ended.body.as_object(), "state") == "ended");
    CHECK(text(ended.body.as_object(), "outcome") == "canceled");
    CHECK(text(ended.body.as_object(), "confirmed") == "true");
    CHECK(ended.body.at("exitCode").is_null());
  }
  CHECK(count_processes(s, "95001.5") + count_processes(s, "95002.5") == 0);
  CHECK(text(record_of(s, id), "state") == "ended");
}

TEST_CASE("what a detached command cannot start with is its outcome") {
  const auto s = daemon().space("main");
  if (!can_detach(s)) return;
  const auto r = ask("POST", fmt::format("/api/spaces/{}/exec", s),
                     {{"command", {"no-such-program"}}, {"detach", true}});
  CHECK(r.status == 200);
  CHECK(text(r.body.as_object(), "outcome") == "failed_to_start");
  CHECK(text(r.body.as_object(), "code") == "program_not_found");
  CHECK(text(record_of(s, text(r.body.as_object(), "id")), "outcome") == "failed_to_start");
}

TEST_CASE("a detached command reads what came with it, and ends by itself with all that it said") {
  const auto s = daemon().space("main");
  if (!can_detach(s)) return;
  const auto id = detach(s, {{"command", "cat; echo over >&2; exit 9"}, {"stdin", "some words"}});
  const auto end = ending_of(s, id);
  CHECK(text(end, "outcome") == "exited");
  CHECK(text(end, "exitCode") == "9");
  CHECK(text(end, "stdoutBytes") == "10");
  CHECK(text(end, "stderrBytes") == "5");
  CHECK(output_of(s, id, "output=stdout") == "some words");
  CHECK(output_of(s, id, "output=stderr") == "over\n");
}

TEST_CASE("a detached command's time is its own") {
  const auto s = daemon().space("main");
  if (!can_detach(s)) return;
  const auto id = detach(s, {{"command", "sleep 95011.5 & sleep 95011.5"}, {"timeoutMs", 400}});
  const auto end = ending_of(s, id);
  CHECK(text(end, "outcome") == "timed_out");
  CHECK(text(end, "confirmed") == "true");
  CHECK(count_processes(s, "95011.5") == 0);
}

TEST_CASE(
    "a signal reaches the command, by name, by number and as a tree; one that does not exist is named") {
  const auto s = daemon().space("main");
  const auto begin = [&](std::string_view command) {
    return stream_json(s, "ndjson", {{"command", command}});
  };
  auto trapping = begin("trap 'echo got INT' INT; trap 'echo got USR1' USR1; echo ready; "
                        "while :; do sleep 0.05; done");
  const auto id = id_once_it_said(trapping, "ready\n");
  if (!over_the_door()) {
    check_refused(send_signal(s, id, "SIGINT"));
    return;
  }
  CHECK(send_signal(s, id, "SIGINT").status == 204);
  read_up_to(trapping, "got INT\n");
  CHECK(send_signal(s, id, "USR1").status == 204);
  read_up_to(trapping, "got USR1\n");
  CHECK(send_signal(s, id, 10).status == 204);
  read_up_to(trapping, "got USR1\n");
  check_error(send_signal(s, id, "SIGWHAT"), 400, "invalid_field", "SIGWHAT");
  check_error(send_signal(s, id, 65), 400, "invalid_field", "65");
  check_error(send_signal(s, id, 0), 400, "invalid_field", "0");
  check_error(send_signal(s, id, -9), 400, "invalid_field", "-9");
  check_error(send_signal(s, id, true), 400, "invalid_field", "signal");
  check_error(ask("POST", exec_path(s, id, "/signal")), 400, "invalid_field", "signal");
  check_error(ask("POST", exec_path(s, id, "/signal"), {{"signal", "INT"}, {"group", true}}), 400,
              "unknown_field", "group");
  CHECK(send_signal(s, id, "TERM").status == 204);
  const auto last = trapping.line();
  CHECK(text(last, "outcome") == "signaled");
  CHECK(text(last, "signal") == "SIGTERM");
  CHECK(trapping.line().empty());
  check_error(send_signal(s, id, "TERM"), 409, "conflict", "ended");

  auto tree = begin("(trap '' TERM; echo; exec sleep 95101.5) & setsid sleep 95101.5 & sleep 95101.5 & wait; "
                    "sleep 95101.5");
  const auto whole = id_once_it_said(tree, "\n");
  CHECK(comes_true([&] { return count_processes(s, "95101.5") == 3; }));
  CHECK(send_signal(s, whole, "SIGKILL", true).status == 204);
  CHECK(text(tree.line(), "signal") == "SIGKILL");
  CHECK(comes_true([&] { return count_processes(s, "95101.5") == 0; }));
}

TEST_CASE("a terminal is resized by id, and the program is told") {
  const auto s = daemon().space("main");
  auto lines = stream_json(s, "ndjson",
                           {{"command", "trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done"},
                            {"tty", true},
                            {"rows", 30},
                            {"cols", 90}});
  const auto id = id_once_it_said(lines, "ready\r\n");
  const auto resize = [&](const json::value& body) { return ask("POST", exec_path(s, id, "/resize"), body); };
  CHECK(resize({{"rows", 41}, {"cols", 123}}).status == 204);
  read_up_to(lines, "41 123\r\n");
  CHECK(text(record_of(s, id), "rows") == "41");
  check_error(resize({{"rows", 41}}), 400, "invalid_field", "cols");
  check_error(resize({{"rows", 0}, {"cols", 1}}), 400, "invalid_field", "rows");
  check_error(resize({{"rows", 1}, {"cols", 65536}}), 400, "invalid_field", "cols");

  auto plain = stream_json(s, "ndjson", {{"command", "echo ready; sleep 95201.5"}});
  const auto other = id_once_it_said(plain, "ready\n");
  check_error(ask("POST", exec_path(s, other, "/resize"), {{"rows", 1}, {"cols", 1}}), 409, "conflict",
              "terminal");
}

TEST_CASE("an open input takes one body after another, until one closes it") {
  const auto s = daemon().space("main");
  auto lines = stream_json(
      s, "ndjson", {{"command", "echo ready; sed -u 's/^/got /'; echo over; exit 6"}, {"openStdin", true}});
  const auto id = id_once_it_said(lines, "ready\n");
  auto fed = feed(s, id, "one\n", false);
  CHECK(fed.status == 200);
  CHECK(fed.body == json::value{{"bytes", 4}, {"closed", false}});
  read_up_to(lines, "got one\n");
  CHECK(feed(s, id, "", false).status == 200);
  CHECK(feed(s, id, "tw", false).status == 200);
  CHECK(feed(s, id, "o\n", true).body == json::value{{"bytes", 2}, {"closed", true}});
  read_up_to(lines, "got two\nover\n");
  CHECK(text(lines.line(), "exitCode") == "6");
  check_error(feed(s, id, "more", true), 409, "conflict", id);
  check_error(ask("POST", exec_path(s, id, "/stdin?shut=true")), 400, "unknown_field", "shut");

  auto large = stream_json(s, "ndjson", {{"command", "sha256sum"}, {"openStdin", true}});
  const auto second = text(large.line(), "id");
  const auto body = noise(8U << 20);
  CHECK(feed(s, second, body, true).body.at("bytes").to_number<std::size_t>() == body.size());
  CHECK(read_up_to(large, "\n").starts_with(sha256(body)));

  auto deaf = stream_json(s, "ndjson", {{"command", "echo ready; sleep 95301.5"}});
  check_error(feed(s, id_once_it_said(deaf, "ready\n"), "x", false), 409, "conflict", "openStdin");
}

TEST_CASE("what is sent into an input that the command has closed is refused") {
  const auto s = daemon().space("main");
  auto lines = stream_json(
      s, "ndjson", {{"command", {"sh", "-c", "exec <&-; echo closed; sleep 95311.5"}}, {"openStdin", true}});
  const auto id = id_once_it_said(lines, "closed\n");
  if (over_the_door()) {
    CHECK(comes_true([&] { return feed(s, id, "x", false).status == 409; }));
    check_error(feed(s, id, "x", false), 409, "conflict", "closed");
  } else {
    // The Engine keeps a command's input open and tells nobody whether it is read: the bytes go nowhere.
    CHECK(feed(s, id, "x", false).status == 200);
  }
}

TEST_CASE("deleting a command that has ended ends what it left in the background") {
  const auto s = daemon().space("main");
  const auto r = exec(s, "sleep 95401.5 & setsid sleep 95401.5 & echo hi");
  CHECK(text(r, "exitCode") == "0");
  CHECK(comes_true([&] { return count_processes(s, "95401.5") == 2; }));
  const auto id = text(r, "id");
  const auto deleted = ask("DELETE", exec_path(s, id));
  CHECK(deleted.status == 200);
  CHECK(text(deleted.body.as_object(), "outcome") == "exited");
  // Without a subreaper of its own left nobody knows of processes that have shed their mark.
  if (over_the_door()) CHECK(text(deleted.body.as_object(), "confirmed") == "true");
  CHECK(count_processes(s, "95401.5") == 0);
  CHECK(ask("DELETE", exec_path(s, id)).status == 200);
}

TEST_CASE("an id that never was is 404, one that is forgotten 410; the last 256 that ended are known") {
  const auto s = daemon().space("forgetful");
  const auto other = daemon().space("main");
  const auto first = text(exec(s, "true"), "id");
  CHECK(text(record_of(s, first), "outcome") == "exited");
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i)
    clients.emplace_back([&] {
      for (int k = 0; k < 32; ++k)
        ask("POST", fmt::format("/api/spaces/{}/exec", s), {{"command", {"true"}}});
    });
  for (auto& one : clients) one.join();
  const auto all = listed(s);
  CHECK(all.size() == 256);
  CHECK(record_of(s, all.back()).at("exitCode") == 0);
  for (const std::string rest : {"", "/output"})
    check_error(ask("GET", exec_path(s, first, rest)), 410, "exec_gone", first);
  check_error(ask("DELETE", exec_path(s, first)), 410, "exec_gone", first);
  check_error(send_signal(s, first, "TERM"), 410, "exec_gone", first);
  auto never = first;
  never.back() = never.back() == '0' ? '1' : '0';
  for (const auto& id : {never, std::string("nothing"), std::string("1")}) {
    check_error(ask("GET", exec_path(s, id)), 404, "exec_not_found", id);
    check_error(feed(s, id, "x", true), 404, "exec_not_found", id);
  }
  check_error(ask("GET", exec_path(other, first)), 404, "exec_not_found", first);
  check_error(ask("GET", exec_path("nowhere", first)), 404, "space_not_found");
}

TEST_CASE("a detached command keeps its space awake, unless it was started not to") {
  const json::object quick{{"idleTimeoutMs", 300}};
  const auto awake = daemon().space("awake", quick);
  if (!can_detach(awake)) return;
  const auto sleepy = daemon().space("sleepy", quick);
  const auto told = [](const std::string& space) {
    return ask("GET", "/api/spaces/" + space).body.as_object();
  };
  const auto id = detach(awake, {{"command", "sleep 95501.5"}});
  const auto heedless = detach(sleepy, {{"command", "sleep 95502.5; echo woke"}, {"keepAwake", false}});
  CHECK(comes_true([&] { return text(told(sleepy), "state") == "paused"; }));
  CHECK(text(told(awake), "state") == "running");
  CHECK(told(awake).at("sleepsAt").is_null());
  CHECK(text(record_of(sleepy, heedless), "state") == "running");
  CHECK(text(told(sleepy), "state") == "paused"); // to look is not to use
  // Ending a frozen command thaws the space, and it sleeps again.
  CHECK(text(ask("DELETE", exec_path(sleepy, heedless)).body.as_object(), "confirmed") == "true");
  CHECK(comes_true([&] { return text(told(sleepy), "state") == "paused"; }));
  CHECK(ask("DELETE", exec_path(awake, id)).status == 200);
  CHECK(comes_true([&] { return text(told(awake), "state") == "paused"; }));
}
