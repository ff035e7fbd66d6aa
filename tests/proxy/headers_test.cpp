#include <clawdspace/proxy/headers.hpp>

#include <doctest/doctest.h>

using namespace clawdspace;
using namespace clawdspace::proxy;

TEST_CASE("what Connection names goes no further, but it cannot name what a request is for") {
  const auto kept = end_to_end({{"Host", "x"},
                                {"Connection", "close, host, X-Mine, Cookie"},
                                {"x-mine", "1"},
                                {"Cookie", "a=b"},
                                {"Proxy-Connection", "x"},
                                {"Content-Length", "3"},
                                {"Accept", "*/*"}});
  CHECK(kept.size() == 3);
  CHECK(kept.contains("host"));
  CHECK(kept.contains("cookie"));
  CHECK(kept.contains("accept"));
}

TEST_CASE("one cookie is taken out of many") {
  http::fields lines{{"Cookie", "a=1; ours=secret;b=2"}, {"Cookie", "ours=other"}, {"X", "y"}};
  CHECK(cookie_of(lines, "ours") == "secret");
  remove_cookie(lines, "ours");
  CHECK(lines.count("cookie") == 1);
  CHECK(lines.find("cookie") == "a=1; b=2");
  CHECK(cookie_of(lines, "ours").empty());
}

TEST_CASE("one parameter is taken out of a query, and the rest stays as it was") {
  CHECK(without_parameter("a=%2F&ticket=x&b=+", "ticket") == "a=%2F&b=+");
  CHECK(without_parameter("ticket=x", "ticket").empty());
  CHECK(without_parameter("tickets=x&&ticket", "ticket") == "tickets=x&");
  CHECK(without_parameter("", "ticket").empty());
}

TEST_CASE("only a trusted proxy's word about the client is kept") {
  http::request_head head;
  head.headers = {{"Host", "h:7"}, {"X-Forwarded-For", "1.1.1.1"}, {"X-Forwarded-Proto", "https"}};
  auto lines = head.headers;
  tell_provenance(lines, head, {.client = "2.2.2.2", .scheme = "http", .prefix = "/p"});
  CHECK(lines.find("x-forwarded-for") == "2.2.2.2");
  CHECK(lines.find("x-forwarded-proto") == "http");
  CHECK(lines.find("x-forwarded-host") == "h:7");
  CHECK(lines.find("x-forwarded-prefix") == "/p");
  lines = head.headers;
  tell_provenance(lines, head, {.client = "2.2.2.2", .scheme = "http", .prefix = {}, .trusted = true});
  CHECK(lines.find("x-forwarded-for") == "1.1.1.1, 2.2.2.2");
  CHECK(lines.find("x-forwarded-proto") == "https");
  CHECK(lines.count("x-forwarded-for") == 1);
}
