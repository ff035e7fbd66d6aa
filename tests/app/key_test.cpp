#include <clawdspace/app/key.hpp>

#include <doctest/doctest.h>

#include <support/folder.hpp>
#include <support/refusal.hpp>
#include <sys/stat.h>

using namespace clawdspace;
using test::words_of_refusal;

namespace {

std::string refused(const std::string& listen, const std::string& key) {
  configuration c;
  c.server.listen = listen;
  c.server.api_key = key;
  return words_of_refusal([&] { app::check_key(c); });
}

} // namespace

TEST_CASE("beyond loopback a key that is missing, short or well known is refused") {
  for (const auto* listen : {"0.0.0.0", "::", "192.168.1.5", "fe80::1"}) {
    CAPTURE(listen);
    CHECK(refused(listen, "").find("needs an API key:") != std::string::npos);
    CHECK(refused(listen, "abcdefghijklmno").find("at least 16 characters") != std::string::npos);
    CHECK(refused(listen, "changemechangeme").find("cannot be guessed") != std::string::npos);
    CHECK(refused(listen, "passwordpasswordpass").find("cannot be guessed") != std::string::npos);
    CHECK(refused(listen, "abcdefghijklmnop").empty());
  }
}

TEST_CASE("on loopback any key will do, and none") {
  for (const auto* listen : {"127.0.0.1", "127.8.8.8", "::1"}) {
    CAPTURE(listen);
    CHECK(refused(listen, "").empty());
    CHECK(refused(listen, "x").empty());
  }
}

TEST_CASE("a key that cannot stand in a header is refused everywhere") {
  for (const auto* key :
       {"with space", "tab\there", "line\nend", "umlaut-\xc3\xa4", " leading", "trailing "}) {
    CAPTURE(key);
    CHECK(refused("127.0.0.1", key).find("cannot stand in a header") != std::string::npos);
  }
}

TEST_CASE("an address that is none is refused by its key") {
  for (const auto* listen : {"localhost", "", "127.0.0.1:80", "256.0.0.1"}) {
    CAPTURE(listen);
    CHECK(refused(listen, "k").starts_with("server.listen: "));
  }
}

TEST_CASE("a key file gives its first line, and the configured key goes before it") {
  const test::folder here;
  configuration c;
  c.server.key_file = here.write("key", "from-the-file\nanother line\n");
  CHECK(app::check_key(c) == "from-the-file");
  c.server.api_key = "from-the-file-above";
  CHECK(app::check_key(c) == "from-the-file-above");
  c.server.api_key.clear();
  for (const auto& file : {here.write("empty", ""), here.path() / "missing", here.path()}) {
    CAPTURE(file);
    c.server.key_file = file;
    CHECK(words_of_refusal([&] { app::check_key(c); }).find(file.string()) != std::string::npos);
  }
  c.server.key_file = here.write("blank", "\n");
  c.server.listen = "0.0.0.0";
  CHECK(words_of_refusal([&] { app::check_key(c); }).find("needs an API key") != std::string::npos);
}

TEST_CASE("without a key one is made on the first run, for its owner alone, and kept") {
  const test::folder here;
  configuration c;
  c.state.dir = here.path() / "a" / "state";
  const auto key = app::find_key(c);
  CHECK(key.size() == 48);
  struct stat about{};
  REQUIRE(::stat((c.state.dir / "key").c_str(), &about) == 0);
  CHECK((about.st_mode & 07777) == 0600);
  CHECK(test::content_of(c.state.dir / "key") == key + "\n");
  CHECK(app::find_key(c) == key);
  c.server.api_key = "mine";
  CHECK(app::find_key(c) == "mine");
}

TEST_CASE("a kept key does not open the daemon to others by itself") {
  const test::folder here;
  configuration c;
  c.state.dir = here.path();
  app::find_key(c);
  c.server.listen = "0.0.0.0";
  CHECK(words_of_refusal([&] { app::find_key(c); }).find("needs an API key") != std::string::npos);
}
