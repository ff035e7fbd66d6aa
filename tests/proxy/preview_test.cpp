#include "support/folder.hpp"
#include <clawdspace/proxy/passes.hpp>
#include <clawdspace/proxy/preview.hpp>

#include <doctest/doctest.h>

#include <sys/stat.h>

using namespace clawdspace;
using namespace clawdspace::proxy;
using namespace std::chrono_literals;

TEST_CASE("a host name says which port of which space, and nothing else does") {
  const preview_host web{3000, "my-web"};
  for (const auto* host : {"3000--my-web.localhost", "3000--my-web.localhost:7070", "3000--MY-Web.LocalHost.",
                           "3000--my-web.example.org:80"})
    CHECK(parse_preview_host(host, "example.org") == web);
  CHECK(parse_preview_host("3000--a--b.localhost", "") == preview_host{3000, "a--b"});
  for (const auto* host : {"localhost",
                           "localhost:7070",
                           "127.0.0.1",
                           "[::1]:80",
                           "my-web.localhost",
                           "3000-my-web.localhost",
                           "0--a.localhost",
                           "03--a.localhost",
                           "65536--a.localhost",
                           "-1--a.localhost",
                           "3000--.localhost",
                           "3000---a.localhost",
                           "3000--a-.localhost",
                           "3000--a_b.localhost",
                           "x.3000--a.localhost",
                           "3000--a.localhost.evil.org",
                           "3000--a.evil.org",
                           "3000--a",
                           "3000--a%2e.localhost",
                           ""})
    CHECK_MESSAGE(!parse_preview_host(host, "example.org"), host);
  CHECK_FALSE(parse_preview_host("3000--a.example.org", ""));
  CHECK(parse_preview_origin("http://3000--my-web.localhost:7070", "") == web);
  CHECK_FALSE(parse_preview_origin("null", ""));
}

TEST_CASE("an address is what is understood again, with the port that the client came to") {
  const preview_host web{3000, "web"};
  CHECK(to_preview_host(web, "", "127.0.0.1:7070") == "3000--web.localhost:7070");
  CHECK(to_preview_host(web, "example.org", "api.example.org") == "3000--web.example.org");
  CHECK(to_preview_host(web, "", "[::1]") == "3000--web.localhost");
  CHECK(to_preview_host(web, "", "[::1]:7070") == "3000--web.localhost:7070");
}

TEST_CASE("a pass opens its port of its space until its time, and nothing else") {
  const test::folder place;
  const auto file = place.path() / "preview.secret";
  const auto some = passes::load(file);
  struct stat about{};
  REQUIRE(::stat(file.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);
  const time_point now{1'800'000'000s};
  const auto until = now + 1h;
  const auto pass = some.make(passes::kind::link, "id", 80, until);
  const auto opens = [&](const passes& by, passes::kind what, std::string_view id, std::uint16_t port,
                         std::string_view text,
                         time_point when) { return by.check(what, id, port, text, when) == until; };
  CHECK(opens(passes::load(file), passes::kind::link, "id", 80, pass, now)); // also after a restart
  CHECK_FALSE(opens(some, passes::kind::cookie, "id", 80, pass, now));
  CHECK_FALSE(opens(some, passes::kind::link, "i", 80, pass, now));
  CHECK_FALSE(opens(some, passes::kind::link, "id", 81, pass, now));
  CHECK_FALSE(opens(some, passes::kind::link, "id", 80, pass, until));
  for (const auto& forged : {std::string("9") + pass, pass + "0", pass.substr(0, pass.size() - 1),
                             std::string(), std::string("."), std::string("x.y"), "-" + pass})
    CHECK(some.check(passes::kind::link, "id", 80, forged, now) == time_point{});
  const auto others = passes::load(place.path() / "other.secret");
  CHECK_FALSE(opens(others, passes::kind::link, "id", 80, pass, now));
}
