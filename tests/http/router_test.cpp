#include <clawdspace/http/router.hpp>

#include <doctest/doctest.h>

using namespace clawdspace;
using http::router;

namespace {

task<> nothing(http::exchange&) { co_return; }

router routes() {
  router r;
  r.add("GET", "/api/spaces", nothing);
  r.add("POST", "/api/spaces", nothing);
  r.add("GET", "/api/spaces/{name}", nothing);
  r.add("DELETE", "/api/spaces/{name}", nothing);
  r.add("POST", "/api/spaces/{name}/exec", nothing);
  r.add("PUT", "/api/spaces/{name}/exec", nothing);
  r.add("GET", "/api/spaces/{name}/{thing}", nothing);
  r.add("GET", "/api/spaces/all/exec", nothing);
  return r;
}

} // namespace

TEST_CASE("a route is found by its segments, and a literal one wins over a parameter") {
  const auto r = routes();
  CHECK(r.find("GET", "/api/spaces").pattern == "/api/spaces");
  CHECK(r.find("POST", "/api/spaces/x/exec").pattern == "/api/spaces/{name}/exec");
  CHECK(r.find("GET", "/api/spaces/all/exec").pattern == "/api/spaces/all/exec");
  CHECK(r.find("GET", "/api/spaces/x/other").pattern == "/api/spaces/{name}/{thing}");
  for (const auto* path : {"/api", "/api/spaces/", "/api/spaces//exec", "//api/spaces", "/api/spaces/x/exec/",
                           "/API/spaces", "*", "/api/spaces/%zz", "/api/spaces/%"}) {
    CAPTURE(path);
    const auto m = r.find("GET", path);
    CHECK(m.target == nullptr);
    CHECK(m.allow.empty());
  }
}

TEST_CASE("a path parameter is decoded once, after the split") {
  const auto r = routes();
  CHECK(r.find("GET", "/api/spaces/a%20b").parameters.at(0) ==
        std::pair<std::string, std::string>("name", "a b"));
  CHECK(r.find("GET", "/api/spaces/a%2Fb").parameters.at(0).second == "a/b");
  CHECK(r.find("GET", "/api/spaces/%2541").parameters.at(0).second == "%41");
  CHECK(r.find("GET", "/api/spaces/a+b").parameters.at(0).second == "a+b");
  CHECK(r.find("GET", "/api/sp%61ces").target != nullptr);
  CHECK(r.find("GET", "/api%2Fspaces").target == nullptr);
}

TEST_CASE("a method that a path does not have is told by what it has, and HEAD goes where GET goes") {
  const auto r = routes();
  CHECK(r.find("HEAD", "/api/spaces").target == r.find("GET", "/api/spaces").target);
  const auto put = r.find("PUT", "/api/spaces");
  CHECK(put.target == nullptr);
  CHECK(put.allow == "GET, HEAD, POST");
  CHECK(r.find("GET", "/api/spaces/x/exec").allow == "POST, PUT");
  CHECK(r.find("HEAD", "/api/spaces/x/exec").target == nullptr);
}

TEST_CASE("a last segment with a star takes the rest of a path as it was sent") {
  auto r = routes();
  r.add("GET", "/api/spaces/{name}/files/{path*}", nothing);
  r.add("PUT", "/api/spaces/{name}/files/fixed", nothing);
  const auto rest = [&](std::string_view path) { return r.find("GET", path).parameters.at(1).second; };
  CHECK(rest("/api/spaces/x/files/etc/hosts") == "etc/hosts");
  CHECK(rest("/api/spaces/x/files/") == "");
  CHECK(rest("/api/spaces/x/files//~/a/") == "/~/a/");
  CHECK(rest("/api/spaces/x/files/a%2Fb/%zz/..") == "a%2Fb/%zz/..");
  CHECK(rest("/api/spaces/x/f%69les/%41") == "%41");
  CHECK(r.find("GET", "/api/spaces/x/files").pattern == "/api/spaces/{name}/{thing}");
  CHECK(r.find("GET", "/api/spaces//files/a").target == nullptr);
  CHECK(r.find("PUT", "/api/spaces/x/files/fixed").pattern == "/api/spaces/{name}/files/fixed");
}
