#include <clawdspace/core/clock.hpp>
#include <clawdspace/core/error.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <string_view>

namespace clawdspace {

namespace {

[[noreturn]] void bad_time(std::string_view text) {
  throw error(errc::invalid_field, fmt::format("\"{}\" is not an RFC 3339 time", text));
}

int digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  if (at + count > text.size()) bad_time(text);
  const auto [end, ec] = std::from_chars(text.data() + at, text.data() + at + count, value);
  if (ec != std::errc{} || end != text.data() + at + count || value < 0) bad_time(text);
  return value;
}

void expect(std::string_view text, std::size_t at, std::string_view one_of) {
  if (at >= text.size() || one_of.find(text[at]) == std::string_view::npos) bad_time(text);
}

} // namespace

task<> system_clock::wait_until(time_point when) {
  const auto left = std::clamp(when - now(), std::chrono::system_clock::duration::zero(),
                               std::chrono::system_clock::duration(std::chrono::minutes(1)));
  asio::steady_timer timer{co_await asio::this_coro::executor, left};
  co_await timer.async_wait(asio::use_awaitable);
}

std::string to_rfc3339(time_point when) {
  const auto ms = std::chrono::time_point_cast<milliseconds>(when).time_since_epoch().count();
  const auto seconds = static_cast<std::time_t>(ms >= 0 ? ms / 1000 : (ms - 999) / 1000);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(seconds), ms - seconds * 1000);
}

time_point from_rfc3339(std::string_view text) {
  using namespace std::chrono;
  expect(text, 4, "-");
  expect(text, 7, "-");
  expect(text, 10, "Tt ");
  expect(text, 13, ":");
  expect(text, 16, ":");
  const year_month_day date{year{digits(text, 0, 4)}, month(static_cast<unsigned>(digits(text, 5, 2))),
                            day(static_cast<unsigned>(digits(text, 8, 2)))};
  const int hour = digits(text, 11, 2);
  const int minute = digits(text, 14, 2);
  const int second = digits(text, 17, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) bad_time(text);
  // 64 bits of nanoseconds end in 2262, and a hundred years are still added to what is read.
  if (date.year() < year(1700) || date.year() > year(2150)) bad_time(text);

  std::size_t at = 19;
  std::int64_t nanos = 0;
  if (at < text.size() && text[at] == '.') {
    std::int64_t scale = 100'000'000;
    const std::size_t first = ++at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10)
      nanos += (text[at] - '0') * scale;
    if (at == first) bad_time(text);
  }

  minutes offset{0};
  expect(text, at, "Zz+-");
  if (text[at] == '+' || text[at] == '-') {
    expect(text, at + 3, ":");
    offset = hours(digits(text, at + 1, 2)) + minutes(digits(text, at + 4, 2));
    if (text[at] == '-') offset = -offset;
    at += 6;
  } else {
    ++at;
  }
  if (at != text.size()) bad_time(text);
  return sys_days(date) + hours(hour) + minutes(minute) + seconds(second) +
         duration_cast<std::chrono::system_clock::duration>(nanoseconds(nanos)) - offset;
}

} // namespace clawdspace
