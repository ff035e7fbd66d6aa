#include <clawdspace/http/query.hpp>

#include <doctest/doctest.h>

using namespace clawdspace;
using http::query;

TEST_CASE("a query's parameters are decoded and keep their order") {
  const auto q = value_or_throw(query::parse("arg=sh&arg=-c&arg=echo+%22a%26b%22&tty&e=K=V&&=x"));
  CHECK(q.all("arg") == std::vector<std::string>{"sh", "-c", "echo \"a&b\""});
  CHECK(q.find("tty") == "");
  CHECK(q.find("e") == "K=V");
  CHECK(q.find("") == "x");
  CHECK_FALSE(q.find("ARG").has_value());
  CHECK(query::parse("")->empty());
}

TEST_CASE("a malformed escape in a query is the client's mistake, and named") {
  const auto q = query::parse("a=1&b=%zz");
  REQUIRE_FALSE(q.has_value());
  CHECK(q.error().code() == errc::malformed_request);
  CHECK(std::string(q.error().what()).find("b=%zz") != std::string::npos);
}
