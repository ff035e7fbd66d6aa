#include <clawdspace/core/clock.hpp>
#include <clawdspace/core/error.hpp>

#include <doctest/doctest.h>

#include <string_view>

using namespace clawdspace;

TEST_CASE("a time survives the way to text and back") {
  const time_point when{std::chrono::milliseconds(1'769'847'330'250)};
  CHECK(to_rfc3339(when) == "2026-01-31T08:15:30.250Z");
  CHECK(from_rfc3339("2026-01-31T08:15:30.250Z") == when);
}

TEST_CASE("the Engine's nanoseconds and offsets are read") {
  using std::chrono::nanoseconds;
  const auto base = from_rfc3339("2026-01-31T08:15:30Z");
  CHECK(from_rfc3339("2026-01-31T08:15:30.123456789Z") - base ==
        std::chrono::duration_cast<time_point::duration>(nanoseconds(123'456'789)));
  CHECK(from_rfc3339("2026-01-31T09:15:30+01:00") == base);
  CHECK(from_rfc3339("2026-01-31T06:45:30-01:30") == base);
}

TEST_CASE("what is not a time is refused") {
  for (const std::string_view text :
       {"", "yesterday", "2026-01-31", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-31T25:00:00Z",
        "2026-01-31T08:15:30", "2026-01-31T08:15:30.Z", "2026-01-31T08:15:30Zjunk",
        "2026-01-31T08:15:30+0100"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(from_rfc3339(text), error);
  }
}
