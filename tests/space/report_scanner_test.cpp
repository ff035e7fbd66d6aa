#include <clawdspace/door/init_report.hpp>
#include <clawdspace/space/report_scanner.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace clawdspace;
using namespace clawdspace::spaces;
using namespace std::string_literals;

namespace {

const auto nul = "\0"s;

std::string report(const std::string& body, const std::string& token = "TOKEN") {
  return nul + token + ":" + body + nul;
}

struct scanned {
  std::string passed;
  std::vector<std::string> reports;
  bool operator==(const scanned&) const = default;
};

/// What comes of `pieces`, one after the other, and the end.
scanned scan(const std::vector<std::string>& pieces) {
  scanned got;
  report_scanner scanner(
      "TOKEN",
      [&](std::span<const std::byte> data) {
        got.passed.append(reinterpret_cast<const char*>(data.data()), data.size());
      },
      [&](std::string_view body) { got.reports.emplace_back(body); });
  for (const auto& piece : pieces) scanner.feed(std::as_bytes(std::span(piece)));
  scanner.finish();
  return got;
}

/// Whole, cut once at every place, and byte by byte: all must come to the same.
void check_however_cut(const std::string& bytes, const scanned& expected) {
  CHECK(scan({bytes}) == expected);
  for (std::size_t at = 0; at <= bytes.size(); ++at) {
    CAPTURE(at);
    CHECK(scan({bytes.substr(0, at), bytes.substr(at)}) == expected);
  }
  std::vector<std::string> single;
  for (const char c : bytes) single.emplace_back(1, c);
  CHECK(scan(single) == expected);
}

} // namespace

TEST_CASE("a report is taken out of the bytes around it, however they are cut") {
  check_however_cut(report("started 5"), {"", {"started 5"}});
  check_however_cut("before" + report("started 5") + "between" + report("ended exited 0 oom=0") + "after",
                    {"beforebetweenafter", {"started 5", "ended exited 0 oom=0"}});
  check_however_cut(report("a") + report("b"), {"", {"a", "b"}});
  check_however_cut(report(""), {"", {""}});
}

TEST_CASE("bytes that only look like a report are the command's own") {
  for (const auto& bytes :
       {nul, nul + nul + nul, "a" + nul + "b", report("ended exited 0", "OTHER"), report("x", "TOKE"),
        report("x", "TOKENS"), report("x", "token"), nul + "TOKEN" + nul, nul + "TOKEN",
        nul + "TOKEN:", nul + "TOKEN:started", "TOKEN:started" + nul, nul + "TOK" + nul + "EN:x"}) {
    check_however_cut(bytes, {bytes, {}});
  }
}

TEST_CASE("a report right behind zero bytes and half a token is still found") {
  check_however_cut(nul + nul + report("a"), {nul + nul, {"a"}});
  check_however_cut(nul + "TOK" + report("a"), {nul + "TOK", {"a"}});
  check_however_cut(report("a") + nul, {nul, {"a"}});
  // The edge that ends one report begins none.
  check_however_cut(report("a") + "TOKEN:b" + nul, {"TOKEN:b" + nul, {"a"}});
}

TEST_CASE("a report is at most as long as the protocol allows, and a longer one is the command's") {
  const auto frame = report("").size();
  const std::string longest(door::report_limit - frame, 'x');
  check_however_cut("a" + report(longest) + "b", {"ab", {longest}});
  check_however_cut("a" + report(longest + "x") + "b", {"a" + report(longest + "x") + "b", {}});
  // An edge that never closes holds back no more than that.
  std::string passed;
  report_scanner scanner(
      "TOKEN",
      [&](std::span<const std::byte> data) {
        passed.append(reinterpret_cast<const char*>(data.data()), data.size());
      },
      [](std::string_view) {});
  const auto open = nul + "TOKEN:" + std::string(door::report_limit, 'x');
  scanner.feed(std::as_bytes(std::span(open)));
  CHECK(passed == open);
}

TEST_CASE("what is held back comes at the end of the stream, once") {
  std::string passed;
  report_scanner scanner(
      "TOKEN",
      [&](std::span<const std::byte> data) {
        passed.append(reinterpret_cast<const char*>(data.data()), data.size());
      },
      [](std::string_view) {});
  const auto half = "data" + nul + "TOKEN:end";
  scanner.feed(std::as_bytes(std::span(half)));
  CHECK(passed == "data");
  scanner.finish();
  CHECK(passed == half);
  scanner.finish();
  CHECK(passed == half);
}

TEST_CASE("a report's body is read") {
  const auto started = read_report("started 17");
  REQUIRE(started);
  CHECK(started->started);
  CHECK_FALSE(started->end);

  const auto exited = read_report("ended exited 3 oom=2");
  REQUIRE(exited);
  REQUIRE(exited->end);
  CHECK(exited->end->exit_code == 3);
  CHECK_FALSE(exited->end->signal);
  CHECK(exited->end->oom_kills == 2);
  CHECK_FALSE(exited->end->tree_gone);

  const auto killed = read_report("ended signaled 9 oom=? tree=gone");
  REQUIRE(killed);
  REQUIRE(killed->end);
  CHECK(killed->end->signal == 9);
  CHECK_FALSE(killed->end->exit_code);
  CHECK_FALSE(killed->end->oom_kills);
  CHECK(killed->end->tree_gone);

  for (const auto* code : door::start_failures) {
    CAPTURE(code);
    const auto failed = read_report("failed "s + code + " 2 no such file: x y");
    REQUIRE(failed);
    CHECK_FALSE(failed->started);
    REQUIRE(failed->end);
    CHECK(failed->end->failure_code == code);
    CHECK(failed->end->reason == "no such file: x y");
    CHECK_FALSE(failed->end->exit_code);
  }
}

TEST_CASE("a body that is not the protocol's is none") {
  for (const auto* body :
       {"", " ", "start", "Started 1", "ended", "ended exited", "ended exited x", "ended exited 1x",
        "ended exited 99999999999", "ended stopped 1", "ended signaled", "failed", "failed 2",
        "failed because 2 x", " ended exited 0", "ended  exited 0"}) {
    CAPTURE(body);
    CHECK_FALSE(read_report(body));
  }
  // A word that a later init may add is passed over.
  const auto later = read_report("ended exited 0 oom=1 more=words");
  REQUIRE(later);
  CHECK(later->end->oom_kills == 1);
}
