#include "report.hpp"
#include "text_io.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace clawdspace;
using init::make_problem;
using test::str;
using test::view;

namespace {

std::string framed(const std::string& body) { return str(init::frame("cafe", view(body)).view()); }

} // namespace

TEST_CASE("a report is its token and its body between two NUL bytes") {
  const std::string nul(1, '\0');
  CHECK(framed("started 7") == nul + "cafe:started 7" + nul);
  CHECK(str(init::frame_started("cafe", 7).view()) == nul + "cafe:started 7" + nul);
  CHECK(str(init::frame_ended("cafe", {false, 3}, {true, 0}, false).view()) ==
        nul + "cafe:ended exited 3 oom=0" + nul);
  CHECK(str(init::frame_ended("cafe", {true, 9}, {false, 0}, true).view()) ==
        nul + "cafe:ended signaled 9 oom=? tree=gone" + nul);
  const auto problem =
      make_problem(door::start_failure::no_such_directory, 2, "/nowhere: No such file or directory");
  CHECK(str(init::frame_failed("cafe", problem).view()) ==
        nul + "cafe:failed no_such_directory 2 /nowhere: No such file or directory" + nul);
}

TEST_CASE("no byte of a body ends a report or a line early") {
  for (int c = 0; c < 0x20; ++c)
    CHECK(framed(std::string("a") + static_cast<char>(c) + "b") == framed("a?b"));
  CHECK(framed("a\x7f") == framed("a?"));
  CHECK(framed("ä€😀").find("ä€😀") == 6);
}

TEST_CASE("a report is at most 512 bytes, and cut between characters") {
  for (int lead = 0; lead < 4; ++lead) {
    std::string body(static_cast<size_t>(lead), 'x');
    for (int i = 0; i < 200; ++i) body += "😀";
    const std::string report = framed(body);
    CHECK(report.size() <= door::report_limit);
    CHECK(report.size() > door::report_limit - 4);
    CHECK(report.back() == '\0');
    CHECK((report.size() - 7 - static_cast<size_t>(lead)) % 4 == 0);
  }
  CHECK(str(init::frame(view(std::string(100, 't')), "x").view()).size() == 1 + 64 + 1 + 1 + 1);
}

TEST_CASE("a problem's words are cut to what crosses the pipe in one write") {
  const auto problem = make_problem(door::start_failure::no_shell, 13, view(std::string(1000, 'w')));
  CHECK(problem.view().size() == sizeof problem.words);
  CHECK(sizeof problem <= 512);
  CHECK(init::frame_failed("cafe", problem).view().size() <= door::report_limit);
}

TEST_CASE("every reason for not starting has a name") {
  CHECK(std::size(door::start_failures) == static_cast<size_t>(door::start_failure::not_allowed) + 1);
  CHECK(door::start_failures[static_cast<size_t>(door::start_failure::process_limit)] ==
        std::string("process_limit"));
}
