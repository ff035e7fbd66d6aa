#include "conditions.hpp"

#include <doctest/doctest.h>

using namespace clawdspace::files;

namespace {

constexpr validators there{.exists = true, .etag = "\"a-1\"", .seconds = 1000};
constexpr validators nothing{.exists = false, .etag = "", .seconds = 0};

} // namespace

TEST_CASE("an etag is found in a list, a weak one only where that is enough") {
  struct row {
    const char* list;
    bool strong, weak;
  };
  for (const auto& r : {
           row{"\"a-1\"", true, true},
           row{"\"b\", \"a-1\"", true, true},
           row{"\"b\",\"a-1\"", true, true},
           row{", ,\t\"a-1\" ,", true, true},
           row{"W/\"a-1\"", false, true},
           row{"*", true, true},
           row{"\"a,\", W/\"x\"\t, \"a-1\"", true, true},
           row{"", false, false},
           row{"a-1", false, false},
           row{"\"a-1", false, false},
           row{"\"A-1\"", false, false},
           row{"nonsense, \"a-1\"", false, false},
           row{"w/\"a-1\"", false, false},
           row{"W/", false, false},
       }) {
    CAPTURE(r.list);
    CHECK(etag_matches(r.list, there, true) == r.strong);
    CHECK(etag_matches(r.list, there, false) == r.weak);
    CHECK_FALSE(etag_matches(r.list, nothing, false));
  }
}

TEST_CASE("the conditions of a reading are judged in RFC 9110's order") {
  CHECK(judge({}, there) == verdict::go_on);
  CHECK(judge({.if_match = "\"x\"", .if_none_match = "\"a-1\""}, there) == verdict::failed);
  CHECK(judge({.if_match = "\"a-1\"", .if_unmodified_since = 5}, there) == verdict::go_on); // the etag rules
  CHECK(judge({.if_unmodified_since = 999}, there) == verdict::failed);
  CHECK(judge({.if_unmodified_since = 1000}, there) == verdict::go_on);
  CHECK(judge({.if_modified_since = 1000}, there) == verdict::not_modified);
  CHECK(judge({.if_modified_since = 999}, there) == verdict::go_on);
  CHECK(judge({.if_none_match = "\"x\"", .if_modified_since = 2000}, there) == verdict::go_on);
  CHECK(judge({.if_match = "*", .if_none_match = "W/\"a-1\""}, there) == verdict::not_modified);
}

TEST_CASE("the conditions of a change say yes or no") {
  CHECK(judge_change({.if_none_match = "*"}, there) == verdict::failed);
  CHECK(judge_change({.if_none_match = "*"}, nothing) == verdict::go_on);
  CHECK(judge_change({.if_match = "*"}, nothing) == verdict::failed);
  CHECK(judge_change({.if_match = "\"a-1\""}, there) == verdict::go_on);
  CHECK(judge_change({.if_none_match = "\"a-1\""}, there) == verdict::failed);
}

TEST_CASE("a range holds only for the file that it was begun with") {
  CHECK(range_holds({}, there));
  CHECK(range_holds({.if_range = "\"a-1\""}, there));
  CHECK_FALSE(range_holds({.if_range = "W/\"a-1\""}, there));
  CHECK(range_holds({.if_range = "1000"}, there));
  CHECK_FALSE(range_holds({.if_range = "1001"}, there));
}

TEST_CASE("a range is cut at the file's end, and outside of it there is none") {
  const auto part = [](auto... asked) {
    const auto found = resolve_range(asked...);
    return found ? std::pair(found->offset, found->length) : std::pair(std::int64_t{-1}, std::int64_t{-1});
  };
  const std::pair<std::int64_t, std::int64_t> none{-1, -1};
  using number = std::optional<std::int64_t>;
  constexpr std::int64_t most = INT64_MAX;
  CHECK(part(number(0), number(0), number(), 10) == std::pair<std::int64_t, std::int64_t>(0, 1));
  CHECK(part(number(3), number(), number(), 10) == std::pair<std::int64_t, std::int64_t>(3, 7));
  CHECK(part(number(3), number(most), number(), 10) == std::pair<std::int64_t, std::int64_t>(3, 7));
  CHECK(part(number(10), number(), number(), 10) == none);
  CHECK(part(number(most), number(most), number(), 10) == none);
  CHECK(part(number(), number(), number(4), 10) == std::pair<std::int64_t, std::int64_t>(6, 4));
  CHECK(part(number(), number(), number(most), 10) == std::pair<std::int64_t, std::int64_t>(0, 10));
  CHECK(part(number(), number(), number(0), 10) == none);
  CHECK(part(number(), number(), number(5), 0) == none);
  CHECK(part(number(0), number(), number(), 0) == none);
}
