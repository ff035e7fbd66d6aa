#include "exec_things.hpp"

#include <string>

using namespace clawdspace::test;

// Histories: what a command said, from an offset, by any number of followers. An attached command keeps one
// where it is asked to, whatever carries it.

namespace {

/// A command that says `words` on stdout and `errors` on stderr, and has ended; its id.
std::string said(const std::string& space, std::string_view words, std::string_view errors) {
  const auto r =
      exec(space, json::object{{"command", {"sh", "-c", "printf %s \"$OUT\"; printf %s \"$ERR\" >&2"}},
                               {"env", {{"OUT", words}, {"ERR", errors}}},
                               {"history", true}});
  CHECK(text(r, "stdout") == words);
  CHECK(text(r, "stderr") == errors);
  return text(r, "id");
}

} // namespace

TEST_CASE("output is replayed from an offset, of both outputs or of one, raw and as ndjson") {
  const auto s = daemon().space("main");
  const auto id = said(s, "0123456789", "abcdef");
  const auto both = output_of(s, id);
  CHECK(both.size() == 16);
  for (std::size_t from = 0; from <= 16; ++from)
    CHECK(output_of(s, id, fmt::format("offset={}", from)) == both.substr(from));
  CHECK(output_of(s, id, "output=stdout") == "0123456789");
  CHECK(output_of(s, id, "output=stdout&offset=4") == "456789");
  CHECK(output_of(s, id, "output=stderr&offset=2") == "cdef");
  CHECK(output_of(s, id, "output=stderr&offset=6").empty());
  CHECK(output_of(s, id, "follow=false&offset=10&output=stdout").empty());
  auto raw = follow(s, id, "stream=raw&output=stderr");
  CHECK(raw.rest() == "abcdef");
  CHECK(raw.header("X-Exec-Id") == id);
  CHECK(raw.trailers().at("X-Outcome") == "exited");
  CHECK(raw.trailers().at("X-Exit-Code") == "0");
  auto lines = follow(s, id, "stream=ndjson&output=stdout&offset=8");
  CHECK(text(lines.line(), "id") == id);
  const auto words = lines.line();
  CHECK(text(words, "type") == "stdout");
  CHECK(text(words, "data") == "89");
  CHECK(text(lines.line(), "type") == "exit");
  CHECK(lines.line().empty());
}

TEST_CASE("an offset past the end is 416 with the range there is; what is no offset is named") {
  const auto s = daemon().space("main");
  const auto id = said(s, "0123456789", "abcdef");
  const auto get = [&](const std::string& query) { return ask("GET", exec_path(s, id, "/output?" + query)); };
  check_error(get("offset=17"), 416, "offset_out_of_range", "16");
  check_error(get("output=stderr&offset=7"), 416, "offset_out_of_range", "6");
  check_error(get("offset=18446744073709551615"), 416, "offset_out_of_range", "16");
  check_error(get("offset=18446744073709551616"), 400, "invalid_field", "offset");
  check_error(get("offset=-1"), 400, "invalid_field", "offset");
  check_error(get("offset="), 400, "invalid_field", "offset");
  check_error(get("stream=sse"), 400, "invalid_field", "stream");
  check_error(get("output=both"), 400, "invalid_field", "output");
  check_error(get("follow=1"), 400, "invalid_field", "follow");
  check_error(get("offsets=1"), 400, "unknown_field", "offsets");
}

TEST_CASE("a command that keeps no history says so") {
  const auto s = daemon().space("main");
  const auto id = text(exec(s, "echo gone"), "id");
  CHECK(text(record_of(s, id), "history") == "false");
  for (const auto* query : {"", "?output=stdout", "?stream=ndjson&offset=2"})
    check_error(ask("GET", exec_path(s, id, std::string("/output") + query)), 409, "no_history", id);
}

TEST_CASE("followers come when they like, and each gets all of it as it comes") {
  const auto s = daemon().space("main");
  auto own = stream_json(s, "ndjson",
                         {{"command", "sed -u 's/^/got /'; exit 3"}, {"openStdin", true}, {"history", true}});
  const auto id = text(own.line(), "id");
  auto first = follow(s, id, "stream=ndjson");
  CHECK(text(first.line(), "type") == "started");
  CHECK(feed(s, id, "one\n", false).status == 200);
  CHECK(text(first.line(), "data") == "got one\n");
  CHECK(text(own.line(), "data") == "got one\n");
  CHECK(output_of(s, id, "follow=false") == "got one\n");
  auto unfinished = follow(s, id, "stream=raw&follow=false");
  CHECK(unfinished.rest() == "got one\n");
  CHECK(unfinished.trailers().count("X-Outcome") == 0);
  auto second = follow(s, id, "stream=raw&offset=4");
  CHECK(second.chunk() == "one\n");
  {
    auto leaves = follow(s, id, "stream=raw");
    CHECK(leaves.chunk() == "got one\n");
  }
  CHECK(feed(s, id, "two\n", true).status == 200);
  CHECK(text(first.line(), "data") == "got two\n");
  const auto last = first.line();
  CHECK(text(last, "type") == "exit");
  CHECK(text(last, "exitCode") == "3");
  CHECK(second.rest() == "got two\n");
  CHECK(second.trailers().at("X-Exit-Code") == "3");
  CHECK(text(own.line(), "data") == "got two\n");
  CHECK(text(own.line(), "exitCode") == "3");
  CHECK(output_of(s, id) == "got one\ngot two\n");
}

TEST_CASE("a follower who falls behind the history gets a gap, and never a wrong offset") {
  const auto s = daemon().space("main");
  constexpr std::size_t lines = 2'000'000;
  const auto before = daemon().resident_kib();
  auto own = stream_json(
      s, "raw", {{"command", "read go; seq -f %015.0f 0 1999999"}, {"openStdin", true}, {"history", true}});
  REQUIRE(own.head() == 200);
  const auto id = own.header("X-Exec-Id");
  auto slow = follow(s, id, "stream=ndjson", 16384);
  CHECK(text(slow.line(), "type") == "started");
  auto slow_raw = follow(s, id, "stream=raw", 16384);
  CHECK(slow_raw.head() == 200);
  CHECK(feed(s, id, "go\n", true).status == 200);
  const auto all = own.rest();
  CHECK(all == numbered_lines(lines));
  CHECK(daemon().resident_kib() < before + 24 * 1024);
  const auto seen = read_account(slow);
  CHECK(seen.gaps > 0);
  CHECK(seen.end == all.size());
  for (const auto& [offset, data] : seen.pieces) CHECK(all.compare(offset, data.size(), data) == 0);
  CHECK(text(seen.exit, "exitCode") == "0");
  const auto kept = slow_raw.rest();
  CHECK(all.ends_with(kept.substr(kept.size() - (512U << 10))));
  CHECK(slow_raw.trailers().at("X-Gaps").find('-') != std::string::npos);
  // Who comes late finds the end of it.
  auto late = follow(s, id, "stream=ndjson");
  const auto tail = read_account(late);
  REQUIRE(tail.pieces.size() == 1);
  CHECK(tail.gaps == tail.pieces.front().offset);
  CHECK(all.substr(tail.gaps) == tail.pieces.front().data);
  CHECK(tail.pieces.front().data.size() >= (900U << 10));
}

TEST_CASE("the output that a raw stream does not want waits for a follower, and is dropped without one") {
  const auto s = daemon().space("main");
  // Both outputs are more than a pipe holds, so each must be read by somebody for the command to end.
  constexpr std::string_view command =
      "head -c 300000 /dev/zero | tr '\\0' e >&2; head -c 300000 /dev/zero | tr '\\0' o";
  SUBCASE("with a follower") {
    auto out = stream_json(s, "raw&output=stdout", {{"command", command}});
    REQUIRE(out.head() == 200);
    const auto id = out.header("X-Exec-Id");
    auto err = follow(s, id, "stream=raw&output=stderr");
    CHECK(err.rest() == std::string(300'000, 'e'));
    CHECK(out.rest() == std::string(300'000, 'o'));
    CHECK(out.trailers().at("X-Exit-Code") == "0");
    check_error(ask("GET", exec_path(s, id, "/output?output=stderr")), 409, "no_history");
  }
  SUBCASE("without one") {
    auto out = stream_json(s, "raw&output=stdout", {{"command", command}});
    CHECK(out.rest() == std::string(300'000, 'o'));
    CHECK(out.trailers().at("X-Exit-Code") == "0");
    check_error(ask("GET", exec_path(s, out.header("X-Exec-Id"), "/output?output=stderr")), 409,
                "no_history");
  }
}
