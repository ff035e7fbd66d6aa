#include "../space/moved_clock.hpp"
#include <clawdspace/api/sessions.hpp>

#include <asio/io_context.hpp>
#include <doctest/doctest.h>

#include <support/folder.hpp>
#include <sys/stat.h>

using namespace clawdspace;
using namespace std::chrono_literals;

TEST_CASE(
    "a session is good for a week, in the next life of the daemon too, and not with another key or secret") {
  asio::io_context loop;
  test::moved_clock time{loop.get_executor()};
  test::folder here;
  const auto file = here.path() / "session.secret";
  const auto secret = api::sessions::load_secret(file);
  const auto given = api::sessions(secret, "key", time).issue();
  CHECK(given.expires == time.now() + 24h * 7);

  const api::sessions next(api::sessions::load_secret(file), "key", time);
  CHECK(next.is_good(given.text));
  CHECK_FALSE(api::sessions(secret, "other", time).is_good(given.text));
  CHECK_FALSE(api::sessions({}, "key", time).is_good(given.text));
  time.advance(24h * 7 - 1s);
  CHECK(next.is_good(given.text));
  time.advance(1s);
  CHECK_FALSE(next.is_good(given.text));

  struct stat about{};
  REQUIRE(::stat(file.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);
}

TEST_CASE("a session of which any character was changed opens nothing") {
  asio::io_context loop;
  test::moved_clock time{loop.get_executor()};
  const api::sessions known({siphash_key{std::byte{1}}, siphash_key{std::byte{2}}}, "key", time);
  const auto given = known.issue().text;
  REQUIRE(known.is_good(given));
  for (std::size_t i = 0; i < given.size(); ++i) {
    auto other = given;
    other[i] = other[i] == '0' ? '1' : '0';
    CAPTURE(i);
    CHECK_FALSE(known.is_good(other));
  }
  for (const std::string& wrong : {std::string(), given.substr(1), given + "0", std::string("session-")})
    CHECK_FALSE(known.is_good(wrong));
}
