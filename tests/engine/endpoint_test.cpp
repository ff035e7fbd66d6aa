#include <clawdspace/engine/endpoint.hpp>
#include <clawdspace/engine/version.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace clawdspace;
using namespace clawdspace::engine;

TEST_CASE("an Engine's address is a unix socket or a host and a port, and writes as it reads") {
  const struct {
    const char* text;
    const char* socket;
    const char* host;
    int port;
  } good[] = {
      {"unix:///var/run/docker.sock", "/var/run/docker.sock", "", 0},
      {"tcp://127.0.0.1:2375", "", "127.0.0.1", 2375},
      {"tcp://[::1]:2375", "", "::1", 2375},
      {"tcp://docker:65535", "", "docker", 65535},
  };
  for (const auto& c : good) {
    CAPTURE(c.text);
    const auto parsed = endpoint::parse(c.text);
    REQUIRE(parsed);
    CHECK(parsed->socket_path == c.socket);
    CHECK(parsed->host == c.host);
    CHECK(parsed->port == c.port);
    CHECK(parsed->is_local() == (*c.socket != 0));
    CHECK(parsed->to_string() == c.text);
  }
  CHECK(endpoint::parse("tcp://127.0.0.1:2375/")->to_string() == "tcp://127.0.0.1:2375");
}

TEST_CASE("an address that is none is refused with a reason") {
  const struct {
    std::string text;
    const char* why;
  } bad[] = {
      {"", "unix:///PATH or tcp://HOST:PORT"},
      {"/var/run/docker.sock", "unix:///PATH or tcp://HOST:PORT"},
      {"unix://relative.sock", "absolute path"},
      {"unix://", "absolute path"},
      {"unix:///" + std::string(200, 'x'), "at most 107 bytes"},
      {std::string("unix:///a\0b", 11), "NUL"},
      {"ssh://me@host", "ssh:// is not spoken"},
      {"https://host:2376", "TLS is not spoken"},
      {"tcp://host", "port is missing"},
      {"tcp://:2375", "host is missing"},
      {"tcp://host:0", "1 to 65535"},
      {"tcp://host:65536", "1 to 65535"},
      {"tcp://host:12x", "1 to 65535"},
      {"tcp://::1:2375", "brackets"},
      {"tcp://[::1", "not closed"},
      {"tcp://[::1]2375", "port is missing"},
      {"tcp://me@host:2375", "only a host and a port"},
  };
  for (const auto& c : bad) {
    CAPTURE(c.text);
    const auto parsed = endpoint::parse(c.text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == errc::invalid_field);
    CHECK(std::string(parsed.error().what()).find(c.why) != std::string::npos);
  }
}

TEST_CASE("versions of the API compare as numbers") {
  const auto version = [](const char* text) { return value_or_throw(api_version::parse(text)); };
  CHECK(version("1.9") < version("1.41"));
  CHECK(version("2.0") > version("1.52"));
  CHECK(version("1.41").to_string() == "1.41");
  for (const auto* bad : {"", "1", "1.", ".1", "1.4x", "v1.41", "-1.4", "1.-4", "1.99999999999"}) {
    CAPTURE(bad);
    CHECK_FALSE(api_version::parse(bad));
  }
}

TEST_CASE("the newest version that both sides accept is agreed on, or both are named") {
  const struct {
    api_version oldest;
    api_version newest;
    const char* agreed; ///< nullptr: none
  } cases[] = {
      {{1, 12}, {1, 41}, "1.41"}, // Engine 20.10
      {{1, 12}, {1, 40}, "1.40"}, // 19.03
      {{1, 24}, {1, 47}, "1.47"}, // 27
      {{1, 44}, {1, 52}, "1.47"}, // 29.0
      {{1, 40}, {1, 53}, "1.47"}, // 29.3
      {{1, 12}, {1, 39}, nullptr}, {{1, 48}, {1, 60}, nullptr},
  };
  for (const auto& c : cases) {
    const auto got = agree(c.oldest, c.newest);
    CAPTURE(c.newest.to_string());
    REQUIRE(got.has_value() == (c.agreed != nullptr));
    if (got) {
      CHECK(got->to_string() == c.agreed);
      continue;
    }
    const std::string words = got.error().what();
    CHECK(got.error().code() == errc::engine_failed);
    CHECK(words.find(c.newest.to_string()) != std::string::npos);
    CHECK(words.find(newest_spoken.to_string()) != std::string::npos);
  }
}
