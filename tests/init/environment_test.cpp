#include "environment.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace clawdspace::init;

namespace {

using words = std::vector<std::string>;

std::vector<char*> pointers(words& strings) {
  std::vector<char*> result;
  for (std::string& s : strings) result.push_back(s.data());
  result.push_back(nullptr);
  return result;
}

/// The environment of a command of `sandbox`, sorted.
words environment(words given, words options = {}) {
  arena memory;
  identity who;
  who.name = "sandbox";
  who.home = "/home/sandbox";
  who.shell = "/bin/bash";
  const auto inherited = pointers(given);
  const auto option_pointers = pointers(options);
  command_spec spec;
  spec.id = "x1";
  spec.options = option_pointers.data();
  spec.option_count = options.size();
  spec.tty = std::ranges::find(options, "--tty") != options.end();
  words result;
  for (char** entry = command_environment(memory, inherited.data(), spec, who, "/rooted"); *entry; ++entry)
    result.emplace_back(*entry);
  std::ranges::sort(result);
  return result;
}

bool has(const words& all, const char* entry) { return std::ranges::find(all, entry) != all.end(); }

} // namespace

TEST_CASE("an empty environment becomes a login's, with the mark") {
  CHECK(environment({}) == words{"CLAWDSPACE_EXEC_ID=x1", "HOME=/home/sandbox", "LOGNAME=sandbox",
                                 "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                 "SHELL=/bin/bash", "USER=sandbox"});
}

TEST_CASE("no token passes on, and no mark but ours, however often they were given") {
  const auto result = environment({"CLAWDSPACE_TOKEN=a", "A=1", "CLAWDSPACE_EXEC_ID=forged",
                                   "CLAWDSPACE_TOKEN=b", "CLAWDSPACE_EXEC_ID=", "CLAWDSPACE_TOKENS=mine"});
  CHECK(has(result, "A=1"));
  CHECK(has(result, "CLAWDSPACE_TOKENS=mine"));
  CHECK(std::ranges::count_if(result, [](const auto& e) { return e.starts_with("CLAWDSPACE_TOKEN="); }) == 0);
  CHECK(std::ranges::count_if(result, [](const auto& e) { return e.starts_with("CLAWDSPACE_EXEC_ID="); }) ==
        1);
  CHECK(has(result, "CLAWDSPACE_EXEC_ID=x1"));
}

TEST_CASE("a home that only the Engine chose gives way, a chosen one stays") {
  for (const char* home : {"HOME=/root", "HOME=/", "HOME=", "HOME=/rooted"})
    CHECK_MESSAGE(has(environment({home}), "HOME=/home/sandbox"), home);
  CHECK(has(environment({"HOME=/srv"}), "HOME=/srv"));
  CHECK(has(environment({"HOME=/root"}, {"--keep=HOME"}), "HOME=/root"));
}

TEST_CASE("who the command runs as is in USER, LOGNAME and SHELL unless the request set them") {
  const auto result =
      environment({"USER=root", "LOGNAME=root", "SHELL=/bin/zsh"}, {"--keep=USER", "--keep=SHELL"});
  CHECK(has(result, "USER=root"));
  CHECK(has(result, "LOGNAME=sandbox"));
  CHECK(has(result, "SHELL=/bin/zsh"));
}

TEST_CASE("a terminal has a type, and the Engine's plain xterm is none that was chosen") {
  CHECK_FALSE(has(environment({}), "TERM=xterm-256color"));
  CHECK(has(environment({}, {"--tty"}), "TERM=xterm-256color"));
  CHECK(has(environment({"TERM=xterm"}, {"--tty"}), "TERM=xterm-256color"));
  CHECK(has(environment({"TERM=xterm"}, {"--tty", "--keep=TERM"}), "TERM=xterm"));
  CHECK(has(environment({"TERM=screen"}, {"--tty"}), "TERM=screen"));
}

TEST_CASE("a terminal without any locale gets one that knows UTF-8") {
  CHECK_FALSE(has(environment({}), "LANG=C.UTF-8"));
  CHECK(has(environment({}, {"--tty"}), "LANG=C.UTF-8"));
  CHECK(has(environment({"LANG=de_DE.UTF-8"}, {"--tty"}), "LANG=de_DE.UTF-8"));
  for (const char* chosen : {"LC_ALL=C", "LC_CTYPE=C", "LC_TIME="})
    CHECK_FALSE(has(environment({chosen}, {"--tty"}), "LANG=C.UTF-8"));
}

TEST_CASE("what the request sets stands over what the space has, the last of it") {
  const auto result =
      environment({"A=space", "HOME=/root", "TERM=xterm"},
                  {"--tty", "--set=A=1", "--set=HOME=/root", "--set=A=2=3", "--set=TERM=xterm",
                   "--set=CLAWDSPACE_TOKEN=x", "--set=CLAWDSPACE_EXEC_ID=x", "--set=E=", "--set=PATH=/p"});
  CHECK(has(result, "A=2=3"));
  CHECK(std::ranges::count_if(result, [](const auto& e) { return e.starts_with("A="); }) == 1);
  CHECK(has(result, "HOME=/root"));
  CHECK(has(result, "TERM=xterm"));
  CHECK(has(result, "E="));
  CHECK(has(result, "PATH=/p"));
  CHECK(has(result, "CLAWDSPACE_EXEC_ID=x1"));
  CHECK_FALSE(has(result, "CLAWDSPACE_TOKEN=x"));
}

TEST_CASE("of a variable that is there twice the last counts") {
  words given{"T=a", "TT=c", "T=b"};
  const auto all = pointers(given);
  CHECK(find_variable(all.data(), "T") == std::string("b"));
  CHECK(find_variable(all.data(), "U") == nullptr);
}
