#include <clawdspace/http/message.hpp>

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>

namespace clawdspace::http {

namespace {

constexpr std::array<std::string_view, 7> weekdays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// Reads a date piece by piece; once a piece did not fit, the rest does not either.
struct date_reader {
  std::string_view rest;
  bool fits = true;

  void literal(std::string_view text) {
    fits = fits && rest.starts_with(text);
    if (fits) rest.remove_prefix(text.size());
  }
  /// Exactly `digits` digits; `padded`: the first may be a space instead (asctime).
  int number(std::size_t digits, bool padded = false) {
    int value = 0;
    fits = fits && rest.size() >= digits;
    for (std::size_t i = 0; fits && i < digits; ++i) {
      const char c = rest[i];
      if (padded && i == 0 && c == ' ') continue;
      fits = c >= '0' && c <= '9';
      value = value * 10 + (c - '0');
    }
    if (fits) rest.remove_prefix(digits);
    return value;
  }
  unsigned month() {
    for (unsigned m = 0; fits && m < months.size(); ++m) {
      if (!rest.starts_with(months[m])) continue;
      rest.remove_prefix(3);
      return m + 1;
    }
    fits = false;
    return 1;
  }
};

struct date_parts {
  int year = 0;
  unsigned month = 1;
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;

  void time(date_reader& in) {
    hour = in.number(2);
    in.literal(":");
    minute = in.number(2);
    in.literal(":");
    second = in.number(2);
  }
  [[nodiscard]] std::optional<std::int64_t> unix_seconds() const {
    using namespace std::chrono;
    const auto date =
        std::chrono::year{year} / std::chrono::month{month} / std::chrono::day{static_cast<unsigned>(day)};
    if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    const auto at = sys_days{date} + hours{hour} + minutes{minute} + seconds{second};
    return duration_cast<seconds>(at.time_since_epoch()).count();
  }
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

} // namespace

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
  case 100:
    return "Continue";
  case 101:
    return "Switching Protocols";
  case 103:
    return "Early Hints";
  case 200:
    return "OK";
  case 201:
    return "Created";
  case 202:
    return "Accepted";
  case 203:
    return "Non-Authoritative Information";
  case 204:
    return "No Content";
  case 205:
    return "Reset Content";
  case 206:
    return "Partial Content";
  case 300:
    return "Multiple Choices";
  case 301:
    return "Moved Permanently";
  case 302:
    return "Found";
  case 303:
    return "See Other";
  case 304:
    return "Not Modified";
  case 307:
    return "Temporary Redirect";
  case 308:
    return "Permanent Redirect";
  case 400:
    return "Bad Request";
  case 401:
    return "Unauthorized";
  case 402:
    return "Payment Required";
  case 403:
    return "Forbidden";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 406:
    return "Not Acceptable";
  case 407:
    return "Proxy Authentication Required";
  case 408:
    return "Request Timeout";
  case 409:
    return "Conflict";
  case 410:
    return "Gone";
  case 411:
    return "Length Required";
  case 412:
    return "Precondition Failed";
  case 413:
    return "Content Too Large";
  case 414:
    return "URI Too Long";
  case 415:
    return "Unsupported Media Type";
  case 416:
    return "Range Not Satisfiable";
  case 417:
    return "Expectation Failed";
  case 421:
    return "Misdirected Request";
  case 422:
    return "Unprocessable Content";
  case 426:
    return "Upgrade Required";
  case 428:
    return "Precondition Required";
  case 429:
    return "Too Many Requests";
  case 431:
    return "Request Header Fields Too Large";
  case 500:
    return "Internal Server Error";
  case 501:
    return "Not Implemented";
  case 502:
    return "Bad Gateway";
  case 503:
    return "Service Unavailable";
  case 504:
    return "Gateway Timeout";
  case 505:
    return "HTTP Version Not Supported";
  case 507:
    return "Insufficient Storage";
  default:
    return "";
  }
}

std::string to_http_date(std::int64_t unix_seconds) {
  using namespace std::chrono;
  const sys_seconds at{seconds{unix_seconds}};
  const auto midnight = floor<days>(at);
  const year_month_day date{midnight};
  const hh_mm_ss time{at - midnight};
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", weekdays[weekday{midnight}.c_encoding()],
                     static_cast<unsigned>(date.day()), months[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), time.hours().count(), time.minutes().count(),
                     time.seconds().count());
}

std::optional<std::int64_t> from_http_date(std::string_view text) {
  // RFC 9110 section 5.6.7: the form of today, and the two of old that a recipient must know.
  const auto comma = text.find(',');
  date_reader in{text};
  date_parts parts;
  if (comma == 3) { // Sun, 06 Nov 1994 08:49:37 GMT
    in.rest.remove_prefix(comma);
    in.literal(", ");
    parts.day = in.number(2);
    in.literal(" ");
    parts.month = in.month();
    in.literal(" ");
    parts.year = in.number(4);
    in.literal(" ");
    parts.time(in);
    in.literal(" GMT");
  } else if (comma != text.npos) { // Sunday, 06-Nov-94 08:49:37 GMT
    in.rest.remove_prefix(comma);
    in.literal(", ");
    parts.day = in.number(2);
    in.literal("-");
    parts.month = in.month();
    in.literal("-");
    const int year = in.number(2);
    // More than 50 years ahead means the century before; 2000 to 2069 read so for decades to come.
    parts.year = year < 70 ? 2000 + year : 1900 + year;
    in.literal(" ");
    parts.time(in);
    in.literal(" GMT");
  } else if (text.size() > 4) { // Sun Nov  6 08:49:37 1994
    in.rest.remove_prefix(3);
    in.literal(" ");
    parts.month = in.month();
    in.literal(" ");
    parts.day = in.number(2, true);
    in.literal(" ");
    parts.time(in);
    in.literal(" ");
    parts.year = in.number(4);
  } else {
    return std::nullopt;
  }
  if (!in.fits || !in.rest.empty()) return std::nullopt;
  return parts.unix_seconds();
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (text.size() - i < 3) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view unreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (unreserved.find(c) != unreserved.npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += hex[byte >> 4];
    out += hex[byte & 15];
  }
  return out;
}

} // namespace clawdspace::http
