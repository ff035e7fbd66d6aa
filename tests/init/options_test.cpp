#include "options.hpp"
#include "text_io.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace clawdspace::init;
using clawdspace::test::str;

namespace {

/// Arguments as main has them: writable, ended by a null pointer.
class arguments {
  std::vector<std::string> words_;
  std::vector<char*> pointers_;

 public:
  arguments(std::initializer_list<const char*> words) : words_(words.begin(), words.end()) {
    for (std::string& word : words_) pointers_.push_back(word.data());
    pointers_.push_back(nullptr);
  }
  char* const* data() { return pointers_.data(); }
};

std::string problem(arguments given, way_in way = way_in::exec) {
  command_spec spec;
  text culprit;
  const char* words = parse_command(given.data(), spec, culprit, way);
  return words ? words + (" `" + str(culprit) + "`") : "";
}

} // namespace

TEST_CASE("a command's options are read up to --, and everything behind it is the command's") {
  arguments given{"run-1",
                  "--user=web:docker",
                  "--image-user=0",
                  "--cwd=/a b",
                  "--image-cwd=/srv",
                  "--strict",
                  "--keep=HOME",
                  "--tty",
                  "--keep=TERM",
                  "--",
                  "ls",
                  "--strict",
                  "--",
                  ""};
  command_spec spec;
  text culprit;
  REQUIRE(parse_command(given.data(), spec, culprit) == nullptr);
  CHECK(str(spec.id) == "run-1");
  CHECK(str(spec.user) == "web:docker");
  CHECK(str(spec.image_user) == "0");
  CHECK(str(spec.cwd) == "/a b");
  CHECK(str(spec.image_cwd) == "/srv");
  CHECK(spec.strict);
  CHECK(spec.tty);
  CHECK_FALSE(spec.shell);
  CHECK(spec.keeps("HOME"));
  CHECK(spec.keeps("TERM"));
  CHECK_FALSE(spec.keeps("HOM"));
  CHECK_FALSE(spec.keeps("HOMER"));
  CHECK_FALSE(spec.keeps("strict"));
  CHECK(str(spec.argv[0]) == "ls");
  CHECK(str(spec.argv[2]) == "--");
  CHECK(str(spec.argv[3]) == "");
  CHECK(spec.argv[4] == nullptr);
}

TEST_CASE("the shortest command is an id, -- and a program") {
  CHECK(problem({"a", "--", "true"}) == "");
  CHECK(problem({"a", "--shell", "--", ""}) == "");
}

TEST_CASE("options that are wrong are refused, naming them") {
  CHECK(problem({}) == "an id is missing ``");
  CHECK(problem({"a/b", "--", "true"}) == "this is no id `a/b`");
  CHECK(problem({"--strict", "--", "true"}) == "this is no id `--strict`");
  CHECK(problem({"a", "--bogus", "--", "true"}) == "no such option `--bogus`");
  CHECK(problem({"a", "--user", "web", "--", "true"}) == "no such option `--user`");
  CHECK(problem({"a", "--strict=1", "--", "true"}) == "no such option `--strict=1`");
  CHECK(problem({"a", "true"}) == "no such option `true`");
  CHECK(problem({"a", "--tty"}) == "no `--` before the command `--tty`");
  CHECK(problem({"a", "--"}) == "no command after `--`");
  CHECK(problem({"a", "--shell", "--", "one", "two"}) == "--shell takes one text, so this is too much: `--`");
}

TEST_CASE("the door has options of its own, which the Engine's way in does not have") {
  arguments given{"a",           "--set=A=b=c", "--input", "--outlive", "--rows=3",
                  "--columns=4", "--set=B=",    "--",      "true"};
  command_spec spec;
  text culprit;
  REQUIRE(parse_command(given.data(), spec, culprit, way_in::door) == nullptr);
  CHECK(spec.keeps("A"));
  CHECK(spec.keeps("B"));
  CHECK_FALSE(spec.keeps("A=b"));
  CHECK_FALSE(spec.keeps(""));
  CHECK(problem({"a", "--input", "--", "true"}) == "no such option `--input`");
  CHECK(problem({"a", "--set=A=b", "--", "true"}) == "no such option `--set=A=b`");
  CHECK(problem({"a", "--login", "--"}) == "no such option `--login`");
  CHECK(problem({"a", "--login", "--"}, way_in::door) == "");
  for (const char* wrong : {"--set=", "--set==b", "--set=A", "--login=x", "--inputs"})
    CHECK(problem({"a", wrong, "--", "true"}, way_in::door) == "no such option `" + std::string(wrong) + "`");
  CHECK(problem({"a", "--login", "--", "x"}, way_in::door) ==
        "--login takes no command, so this is too much: `--`");
  CHECK(problem({"a", "--login", "--shell", "--"}, way_in::door) ==
        "--login takes no command, so this is too much: `--`");
  CHECK(problem({"a", "--"}, way_in::door) == "no command after `--`");
}

TEST_CASE("ids and tokens are short words of harmless characters") {
  CHECK(is_id("a"));
  CHECK(is_id("01J-x_Y"));
  CHECK(is_id(text(std::string(64, 'a').c_str())));
  CHECK_FALSE(is_id(text(std::string(65, 'a').c_str())));
  for (const char* wrong : {"", "a b", "a=b", "a\n", "ä", "a:b", "../a"}) {
    CHECK_FALSE(is_id(wrong));
    CHECK_FALSE(is_token(wrong));
  }
  CHECK(is_token("0123456789abcdef"));
  CHECK_FALSE(is_token("with-dash"));
}
