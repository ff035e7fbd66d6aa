#include "utf8.hpp"

#include <doctest/doctest.h>

#include <string_view>

using namespace clawdspace;

namespace {

bool valid(std::string_view text, std::size_t piece) {
  http::utf8_check check;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
    if (!check.feed(std::as_bytes(std::span(text.substr(0, piece))))) return false;
  return check.complete();
}

} // namespace

TEST_CASE("UTF-8 is told from what is none, whole and byte by byte") {
  struct row {
    std::string_view text;
    bool good;
  };
  constexpr row rows[] = {
      {"", true},
      {"plain", true},
      {"\xc2\x80\xdf\xbf", true},                 // U+0080, U+07FF
      {"\xe0\xa0\x80\xef\xbf\xbf", true},         // U+0800, U+FFFF
      {"\xed\x9f\xbf\xee\x80\x80", true},         // around the surrogates
      {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", true}, // U+10000, U+10FFFF
      {"\x80", false},                            // continues nothing
      {"\xbf", false},
      {"\xc0\x80", false}, // longer than needed
      {"\xc1\xbf", false},
      {"\xe0\x9f\xbf", false},
      {"\xf0\x8f\xbf\xbf", false},
      {"\xed\xa0\x80", false},     // a surrogate
      {"\xf4\x90\x80\x80", false}, // past U+10FFFF
      {"\xf5\x80\x80\x80", false},
      {"\xff", false},
      {"\xc3", false}, // cut
      {"\xe2\x82", false},
      {"\xf0\x9f\x98", false},
      {"\xc3(", false}, // not continued
      {"\xe2\x82(", false},
      {"\xe2(\xa1", false},
  };
  for (const auto& each : rows)
    for (const std::size_t piece : {100U, 1U, 2U}) {
      CAPTURE(each.text);
      CAPTURE(piece);
      CHECK(valid(each.text, piece) == each.good);
    }
}
