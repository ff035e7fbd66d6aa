#include <clawdspace/core/units.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <string_view>

using namespace clawdspace;

TEST_CASE("an amount of memory is bytes, or a number with a unit of 1024s") {
  struct row {
    std::string_view text;
    std::int64_t expected;
  };
  for (const auto& [text, expected] : {
           row{"1", 1},
           row{"512m", 512LL << 20},
           row{"2g", 2LL << 30},
           row{"2G", 2LL << 30},
           row{"2GiB", 2LL << 30},
           row{"2gb", 2LL << 30},
           row{"1.5g", 3LL << 29},
           row{"64 MiB", 64LL << 20},
           row{"100k", 102400},
           row{"7b", 7},
           row{"1t", 1LL << 40},
           row{"0", 0},
       }) {
    CAPTURE(text);
    const auto parsed = parse_bytes(text);
    REQUIRE(parsed);
    CHECK(count(*parsed) == expected);
  }
}

TEST_CASE("what is not an amount of memory is refused by name, never read as a default") {
  for (const std::string_view text :
       {"", "abc", "m", "-1", "+1", "1e3", "1.", ".5g", "1.5", "2x", "2gg", "0x10", " 1", "1 ",
        "99999999999999999999", "9999999999g", "1.0000000001g", "2 g b", "NaN"}) {
    CAPTURE(text);
    const auto parsed = parse_bytes(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == errc::invalid_field);
    CHECK(std::string(parsed.error().what()).find(text) != std::string::npos);
  }
}

TEST_CASE("cores are a positive decimal") {
  CHECK(count(parse_cpus("0.5").value()) == 500'000'000);
  CHECK(count(parse_cpus("2").value()) == 2'000'000'000);
  CHECK(count(parse_cpus("0.000000001").value()) == 1);
  CHECK(count(cpus_from(1.25).value()) == 1'250'000'000);
  for (const std::string_view text : {"", "two", "0", "0.0", "-1", "1e9", "1,5", "1.0000000000", "9999999"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_cpus(text));
  }
  CHECK_FALSE(cpus_from(0));
  CHECK_FALSE(cpus_from(-1));
  CHECK_FALSE(cpus_from(std::numeric_limits<double>::quiet_NaN()));
}

TEST_CASE("an amount is told in the largest unit that fits") {
  CHECK(to_words(512_MiB) == "512 MiB");
  CHECK(to_words(bytes{1536}) == "1.5 KiB");
  CHECK(to_words(bytes{17}) == "17 bytes");
}
