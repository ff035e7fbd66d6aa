#include <clawdspace/core/units.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <limits>
#include <optional>

namespace clawdspace {

namespace {

struct decimal {
  std::int64_t whole = 0;
  std::int64_t nanos = 0; // the fraction, in billionths
};

// digits[.digits], at most nine decimals, without a sign or an exponent.
std::optional<decimal> parse_decimal(std::string_view text) {
  decimal value;
  std::size_t at = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    if (value.whole > (std::numeric_limits<std::int64_t>::max() - 9) / 10) return std::nullopt;
    value.whole = value.whole * 10 + (text[at] - '0');
  }
  if (at == 0) return std::nullopt;
  if (at == text.size()) return value;
  if (text[at++] != '.' || at == text.size() || text.size() - at > 9) return std::nullopt;
  for (std::int64_t scale = 100'000'000; at < text.size(); ++at, scale /= 10) {
    if (text[at] < '0' || text[at] > '9') return std::nullopt;
    value.nanos += (text[at] - '0') * scale;
  }
  return value;
}

std::optional<int> shift_of(std::string_view unit) {
  std::string lower(unit);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (lower.empty() || lower == "b") return 0;
  constexpr std::string_view powers = "kmgtp";
  const auto power = powers.find(lower[0]);
  const std::string_view rest = std::string_view(lower).substr(1);
  if (power == std::string_view::npos || !(rest.empty() || rest == "b" || rest == "ib")) return std::nullopt;
  return static_cast<int>(power + 1) * 10;
}

} // namespace

result<bytes> parse_bytes(std::string_view text) {
  const auto refuse = [&] {
    return failure(errc::invalid_field,
                   fmt::format("\"{}\" is not an amount of memory: give bytes, or a number with "
                               "k, m, g or t, such as 512m or 2g",
                               text));
  };
  const auto unit_at = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto number = parse_decimal(text.substr(0, unit_at));
  auto unit = text.substr(unit_at);
  if (unit.size() > 1 && unit.front() == ' ') unit.remove_prefix(1);
  const auto shift = shift_of(unit);
  if (!number || !shift || (*shift == 0 && number->nanos != 0)) return refuse();
  if (number->whole > (std::numeric_limits<std::int64_t>::max() >> *shift) - 1) return refuse();
  const auto fraction =
      static_cast<std::int64_t>(std::ldexp(static_cast<double>(number->nanos) / 1'000'000'000.0, *shift));
  return bytes{(number->whole << *shift) + fraction};
}

result<nano_cpus> parse_cpus(std::string_view text) {
  const auto number = parse_decimal(text);
  if (!number || number->whole > 1'000'000 || (number->whole == 0 && number->nanos == 0))
    return failure(
        errc::invalid_field,
        fmt::format("\"{}\" is not a number of cores: give a positive decimal, such as 0.5 or 2", text));
  return nano_cpus{number->whole * 1'000'000'000 + number->nanos};
}

result<nano_cpus> cpus_from(double cores) {
  if (!(cores > 0) || cores > 1'000'000 || std::llround(cores * 1e9) == 0)
    return failure(errc::invalid_field,
                   fmt::format("{} is not a number of cores: give a positive decimal", cores));
  return nano_cpus{std::llround(cores * 1e9)};
}

std::string to_words(bytes b) {
  static constexpr std::array units{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};
  auto value = static_cast<double>(count(b));
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < units.size(); ++unit) value /= 1024;
  return value == std::floor(value) ? fmt::format("{:.0f} {}", value, units[unit])
                                    : fmt::format("{:.1f} {}", value, units[unit]);
}

} // namespace clawdspace
