#include "json_line.hpp"
#include "utf8.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace clawdspace::files;
using namespace std::string_literals;

TEST_CASE("what is UTF-8, and what only looks like it") {
  for (const auto& good :
       {""s, "a"s, "\0"s, "é"s, "€"s, "😀"s, "\xed\x9f\xbf"s, "\xee\x80\x80"s, "\xf4\x8f\xbf\xbf"s})
    CHECK(is_utf8(good));
  for (const auto& bad :
       {"\x80"s, "\xc3"s, "\xc0\xaf"s, "\xc1\xbf"s, "\xe0\x9f\xbf"s, "\xed\xa0\x80"s, "\xe2\x82"s,
        "\xf0\x8f\xbf\xbf"s, "\xf4\x90\x80\x80"s, "\xf5\x80\x80\x80"s, "\xff"s, "a\xe9z"s})
    CHECK_FALSE(is_utf8(bad));
}

TEST_CASE("a text that is not UTF-8 stands there twice: to be read, and whole") {
  CHECK(json_line().text("name", "a\"\\\n\x7f/é").line() == "{\"name\":\"a\\\"\\\\\\u000a\x7f/é\"}\n");
  CHECK(json_line().text("name", "a%\xff é").line() ==
        "{\"name\":\"a%\xef\xbf\xbd é\",\"nameEncoded\":\"a%25%FF%20%C3%A9\"}\n");
  CHECK(json_line().words("error", "\xff").line() == "{\"error\":\"\xef\xbf\xbd\"}\n");
}

TEST_CASE("fields follow each other in a line") {
  json_line line;
  line.flag("ok", true).number("n", INT64_MIN).list("l", {"a", "b\""}).raw("").raw("\"x\":1");
  CHECK(line.line() == "{\"ok\":true,\"n\":-9223372036854775808,\"l\":[\"a\",\"b\\\"\"],\"x\":1}\n");
  CHECK(json_line().line() == "{}\n");
}
