#include <clawdspace/http/message.hpp>

#include <doctest/doctest.h>

using namespace clawdspace::http;

TEST_CASE("names of fields compare without case, and their lines keep their order") {
  fields f{{"A", "1"}, {"b", "2"}, {"a", "3"}};
  CHECK(f.find("a") == "1");
  CHECK(f.count("A") == 2);
  CHECK_FALSE(f.contains("c"));
  f.set("A", "4");
  CHECK(f.count("a") == 1);
  CHECK(f.size() == 2);
  CHECK(f.find("a") == "4");
}

TEST_CASE("a token is found in any line of a list, whole and without case") {
  const fields f{{"Connection", "keep-alive , Upgrade"}, {"connection", ",close"}, {"X", "closed"}};
  CHECK(f.has_token("CONNECTION", "upgrade"));
  CHECK(f.has_token("connection", "close"));
  CHECK(f.has_token("connection", "keep-alive"));
  CHECK_FALSE(f.has_token("connection", "keep"));
  CHECK_FALSE(f.has_token("x", "close"));
  CHECK_FALSE(f.has_token("y", "close"));
}

TEST_CASE("dates are written in today's form and read in all three") {
  CHECK(to_http_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(to_http_date(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(from_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777);
  CHECK(from_http_date("Sunday, 06-Nov-94 08:49:37 GMT") == 784111777);
  CHECK(from_http_date("Sun Nov  6 08:49:37 1994") == 784111777);
  CHECK(from_http_date("Thu, 29 Feb 2024 00:00:00 GMT") == 1709164800);
  for (const auto* bad : {"", "today", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
                          "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 GMT ",
                          "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT", "784111777"}) {
    CAPTURE(bad);
    CHECK_FALSE(from_http_date(bad).has_value());
  }
}

TEST_CASE("percent escapes are decoded once and whole, or not at all") {
  CHECK(percent_decode("a%20b%2fc%2F") == "a b/c/");
  CHECK(percent_decode("%2541") == "%41");
  CHECK(percent_decode("a+b") == "a+b");
  CHECK(percent_decode("a+b%2B", true) == "a b+");
  CHECK(percent_decode("%00")->size() == 1);
  for (const auto* bad : {"%", "%4", "a%4g", "%%41", "%+1"}) CHECK_FALSE(percent_decode(bad).has_value());
  CHECK(percent_encode("a b/\xc3\xa9~") == "a%20b%2F%C3%A9~");
  CHECK(percent_decode(percent_encode("\x01 &=?/%")) == "\x01 &=?/%");
}

TEST_CASE("common statuses have a reason") {
  CHECK(reason_phrase(200) == "OK");
  CHECK(reason_phrase(431) == "Request Header Fields Too Large");
  CHECK(reason_phrase(799).empty());
}
