#include "key_check.hpp"
#include "preview_rules.hpp"

#include <doctest/doctest.h>

using namespace clawdspace;
using namespace clawdspace::api;

TEST_CASE("nothing of an answer below the path acts on the dashboard's origin") {
  http::fields answer{{"Content-Type", "text/html"},
                      {"Set-Cookie", "a=1"},
                      {"set-cookie", "b=2"},
                      {"Clear-Site-Data", "\"*\""},
                      {"Service-Worker-Allowed", "/"},
                      {"Alt-Svc", "h3=\":1\""},
                      {"Strict-Transport-Security", "max-age=1"},
                      {"Refresh", "0;url=/"},
                      {"Content-Security-Policy", "sandbox allow-scripts allow-same-origin"},
                      {"X-Content-Type-Options", "none"}};
  confine(answer, "/api/spaces/a/ports/1", "h:7");
  CHECK(answer.size() == 4);
  CHECK(answer.contains("content-type"));
  // Beside the server's own, so that both hold.
  CHECK(answer.count("content-security-policy") == 2);
  CHECK((answer.end() - 2)->value == "sandbox");
  CHECK(answer.find("x-content-type-options") == "nosniff");
}

TEST_CASE("a redirection to a path of the server's leads below the path") {
  const auto leads = [](std::string where) {
    http::fields answer{{"Location", std::move(where)}};
    confine(answer, "/p", "h:7");
    return std::string(*answer.find("location"));
  };
  CHECK(leads("/x") == "/p/x");
  CHECK(leads("http://h:7/x?y") == "/p/x?y");
  CHECK(leads("/p/x") == "/p/x");
  CHECK(leads("/px") == "/p/px");
  CHECK(leads("x/y") == "x/y");
  CHECK(leads("//other/x") == "//other/x");
  CHECK(leads("http://h:77/x") == "http://h:77/x");
}

TEST_CASE("a cookie of a preview stays with its one host") {
  http::fields answer{{"Set-Cookie", "a=domain=x; Path=/; DOMAIN=example.org; Secure"}, {"X", "Domain=y"}};
  keep_cookies_to_host(answer);
  CHECK(answer.find("set-cookie") == "a=domain=x; Path=/; Secure");
  CHECK(answer.find("x") == "Domain=y");
}

TEST_CASE("the key is taken out wherever it stands, and nothing else is") {
  http::fields headers{{"Authorization", "bearer k"}, {"X-API-Key", "k"}, {"X-Api-Key", "theirs"}};
  CHECK(carries_key(headers, "k"));
  remove_key(headers, "k");
  CHECK(headers.size() == 1);
  CHECK(headers.find("x-api-key") == "theirs");
  http::fields theirs{{"Authorization", "Bearer other"}, {"X", "k"}};
  CHECK_FALSE(carries_key(theirs, "k"));
  remove_key(theirs, "k");
  CHECK(theirs.size() == 2);
}
