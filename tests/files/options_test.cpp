#include "options.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace clawdspace::files;

namespace {

std::string parse(std::vector<std::string> words, options& into) {
  static std::vector<std::string> kept; // the options are views
  kept = std::move(words);
  std::vector<char*> arguments;
  for (auto& word : kept) arguments.push_back(word.data());
  return parse_options(arguments, into);
}

} // namespace

TEST_CASE("options come before the paths, which may look like options") {
  options o;
  CHECK(parse({"write", "--mode=0640", "--parents", "--length=12", "--", "--mode=1"}, o).empty());
  CHECK(o.mode == 0640U);
  CHECK(o.parents);
  CHECK(o.length == 12);
  CHECK(o.path == "--mode=1");
  CHECK(parse({"rename", "--", "--", "b"}, o).empty());
  CHECK(o.path == "--");
  CHECK(o.to == "b");
  CHECK_FALSE(o.parents);
  CHECK(parse({"list", "--after=a=b\xff", "--limit=10000", "--", "/"}, o).empty());
  CHECK(o.after == "a=b\xff");
  CHECK(parse({"watch"}, o).empty());
  CHECK(parse({"watch", "--"}, o).empty());
}

TEST_CASE("what is called wrongly is told") {
  options o;
  for (const auto& wrong : std::vector<std::vector<std::string>>{
           {},
           {""},
           {"reed", "--", "a"},
           {"read"},
           {"read", "--"},
           {"read", "--", "a", "b"},
           {"read", "a"},
           {"rename", "--", "a"},
           {"stat", "--parents", "--", "a"},
           {"stat", "--follow=yes", "--", "a"},
           {"read", "--first", "--", "a"},
           {"read", "--first=", "--", "a"},
           {"read", "--first=-1", "--", "a"},
           {"read", "--first=+1", "--", "a"},
           {"read", "--first=9223372036854775808", "--", "a"},
           {"read", "--first=5", "--last=4", "--", "a"},
           {"read", "--suffix=5", "--first=4", "--", "a"},
           {"chmod", "--", "a"},
           {"chmod", "--mode=10000", "--", "a"},
           {"chmod", "--mode=8", "--", "a"},
           {"chmod", "--mode=-1", "--", "a"},
           {"chmod", "--mode=", "--", "a"},
           {"list", "--limit=0", "--", "a"},
           {"list", "--limit=10001", "--", "a"},
           {"watch", "--", "a"},
       }) {
    CAPTURE(wrong.size());
    CHECK_FALSE(parse(wrong, o).empty());
  }
}
