#include "client_frames.hpp"
#include "frames_trace.hpp"

#include <doctest/doctest.h>

using namespace clawdspace;
using test::client_frame;
using test::closing;

namespace {

std::string head(std::string_view bytes) { return std::string(bytes); }

} // namespace

TEST_CASE("a client's frames are read by RFC 6455, whole and in pieces") {
  using namespace std::string_literals;
  const auto f = [](unsigned first, std::string_view payload) { return client_frame(first, payload); };
  const std::string big(70'000, 'b');
  struct row {
    const char* what;
    std::string bytes;
    std::string gets;
  };
  const row rows[] = {
      {"nothing", "", ""},
      {"a text", f(0x81, "hello"), "text hello"},
      {"an empty text", f(0x81, ""), "text "},
      {"two texts", f(0x81, "a") + f(0x81, "b"), "text a|text b"},
      {"a text in fragments", f(0x01, "he") + f(0x00, "") + f(0x80, "llo"), "text hello"},
      {"a ping between fragments", f(0x01, "he") + f(0x89, "p") + f(0x80, "llo"), "ping p|text hello"},
      {"pings and a pong", f(0x89, "1") + f(0x8a, "") + f(0x89, ""), "ping 1|pong |ping "},
      {"a ping of 125 bytes", f(0x89, std::string(125, 'p')), "ping " + std::string(125, 'p')},
      {"binary", f(0x82, "\1\2"), "binary \1\2"},
      {"empty binary", f(0x82, ""), "binary "},
      {"binary of 125, 126, 65535 and 65536 bytes",
       f(0x82, big.substr(0, 125)) + f(0x82, big.substr(0, 126)) + f(0x82, big.substr(0, 65535)) +
           f(0x82, big.substr(0, 65536)),
       "binary " + big.substr(0, 125) + "|binary " + big.substr(0, 126) + "|binary " + big.substr(0, 65535) +
           "|binary " + big.substr(0, 65536)},
      {"binary in fragments, with a ping between", f(0x02, "ab") + f(0x89, "p") + f(0x00, "cd") + f(0x80, ""),
       "binary ab(ping p)cd"},
      {"binary that begins with nothing", f(0x02, "") + f(0x80, "x"), "binary x"},
      {"binary that is not whole", f(0x02, "ab"), "binary ab..."},
      {"binary that is not UTF-8", f(0x82, "\xff\xfe"), "binary \xff\xfe"},
      {"a text in characters of several bytes", f(0x81, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
       "text \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
      {"a character split over fragments", f(0x01, "\xe2") + f(0x00, "\x82") + f(0x80, "\xac"),
       "text \xe2\x82\xac"},
      {"a text of the largest size", f(0x81, std::string(1024, 't')), "text " + std::string(1024, 't')},
      {"close without a code", f(0x88, ""), "close 1005 "},
      {"close", f(0x88, closing(1000, "bye")), "close 1000 bye"},
      {"close with words that are not ASCII", f(0x88, closing(1000, "aaaa\xc3\xa9\xe2\x82\xac")),
       "close 1000 aaaa\xc3\xa9\xe2\x82\xac"},
      {"close with 123 bytes of words", f(0x88, closing(1001, std::string(123, 'w'))),
       "close 1001 " + std::string(123, 'w')},
      {"close inside a message", f(0x01, "he") + f(0x88, closing(1000)), "close 1000 "},
      {"close with an own code", f(0x88, closing(3000)), "close 3000 "},
      {"close with the last own code", f(0x88, closing(4999)), "close 4999 "},

      {"a frame without a mask", client_frame(0x81, "hello", false), "failed 1002"},
      {"a ping without a mask", client_frame(0x89, "", false), "failed 1002"},
      {"reserved bit 1", f(0xc1, "x"), "failed 1002"},
      {"reserved bit 2", f(0xa1, "x"), "failed 1002"},
      {"reserved bit 3", f(0x91, "x"), "failed 1002"},
      {"a reserved bit on a later fragment", f(0x01, "x") + f(0xc0, "x"), "failed 1002"},
      {"a reserved bit on a ping", f(0xc9, ""), "failed 1002"},
      {"an unknown data frame", f(0x83, "x"), "failed 1002"},
      {"an unknown control frame", f(0x8b, ""), "failed 1002"},
      {"an unknown frame between fragments", f(0x02, "x") + f(0x87, "x"), "binary x|failed 1002"},
      {"a continuation of nothing", f(0x80, "x"), "failed 1002"},
      {"a continuation behind the end", f(0x81, "x") + f(0x80, "x"), "text x|failed 1002"},
      {"a message inside a message", f(0x01, "x") + f(0x81, "x"), "failed 1002"},
      {"a ping in fragments", f(0x09, "x"), "failed 1002"},
      {"a close in fragments", f(0x08, ""), "failed 1002"},
      {"a ping of 126 bytes", f(0x89, std::string(126, 'p')), "failed 1002"},
      {"a close of 126 bytes", f(0x88, closing(1000, std::string(124, 'w'))), "failed 1002"},
      {"a length in more bytes than it needs", head("\x82\xfe\x00\x05"s), "failed 1002"},
      {"a long length in more bytes than it needs", head("\x82\xff\0\0\0\0\0\0\xff\xff"s), "failed 1002"},
      {"a length past 2^63", head("\x82\xff\x80\0\0\0\0\0\0\0"s), "failed 1002"},
      {"half a close code", f(0x88, "x"), "failed 1002"},
      {"close code 999", f(0x88, closing(999)), "failed 1002"},
      {"close code 1004", f(0x88, closing(1004)), "failed 1002"},
      {"close code 1005", f(0x88, closing(1005)), "failed 1002"},
      {"close code 1006", f(0x88, closing(1006)), "failed 1002"},
      {"close code 1015", f(0x88, closing(1015)), "failed 1002"},
      {"close code 2999", f(0x88, closing(2999)), "failed 1002"},
      {"close code 5000", f(0x88, closing(5000)), "failed 1002"},
      {"close with words that are not UTF-8", f(0x88, closing(1000, "\xff")), "failed 1007"},
      {"close with half a character", f(0x88, closing(1000, "\xc3")), "failed 1007"},
      {"a text that is not UTF-8", f(0x81, "abc\xff"), "failed 1007"},
      {"a text with a surrogate", f(0x81, "\xed\xa0\x80"), "failed 1007"},
      {"a text that ends in half a character", f(0x81, "a\xe2\x82"), "failed 1007"},
      {"a character that breaks off over fragments", f(0x01, "\xe2") + f(0x80, "x"), "failed 1007"},
      {"a text that is too long", f(0x81, std::string(1025, 't')), "failed 1009"},
      {"a text that is too long in fragments",
       f(0x01, std::string(1000, 't')) + f(0x80, std::string(25, 't')), "failed 1009"},
      {"a text that claims an exabyte", head("\x81\xff\x0f\0\0\0\0\0\0\0mask!"s), "failed 1009"},
  };
  for (const auto& each : rows) {
    CAPTURE(each.what);
    for (const std::size_t piece : {each.bytes.size() + 1, std::size_t{1}, std::size_t{3}, std::size_t{7}})
      CHECK(test::trace(each.bytes, piece, 1_KiB) == each.gets);
  }
}

TEST_CASE("the heads of frames that go out have the shortest length that fits, and no mask") {
  using namespace std::string_literals;
  http::frame_codec codec(1_KiB);
  using http::frame_kind;
  CHECK(codec.head(frame_kind::text, 0) == "\x81\0"s);
  CHECK(codec.head(frame_kind::binary, 125) == "\x82\x7d"s);
  CHECK(codec.head(frame_kind::binary, 126) == "\x82\x7e\0\x7e"s);
  CHECK(codec.head(frame_kind::binary, 65535) == "\x82\x7e\xff\xff"s);
  CHECK(codec.head(frame_kind::binary, 65536) == "\x82\x7f\0\0\0\0\0\1\0\0"s);
  CHECK(codec.head(frame_kind::text, 1, false) == "\x01\1"s);
  CHECK(codec.head(frame_kind::continuation, 1) == "\x80\1"s);
  CHECK(codec.head(frame_kind::pong, 5) == "\x8a\5"s);
  CHECK(codec.head(frame_kind::close, 2) == "\x88\2"s);
}

TEST_CASE("a goodbye's words are cut at a character where they are too long") {
  using http::close_code;
  CHECK(http::close_payload(close_code::normal, "bye") == "\x03\xe8"
                                                          "bye");
  CHECK(http::close_payload(close_code::no_status, "bye").empty());
  CHECK(http::close_payload(close_code::abnormal, "bye").empty());
  CHECK(http::close_payload(close_code::normal, std::string(123, 'x')).size() == 125);
  CHECK(http::close_payload(close_code::normal, std::string(124, 'x')).size() == 125);
  const auto cut = http::close_payload(close_code::normal, std::string(121, 'x') + "\xe2\x82\xac");
  CHECK(cut.size() == 123);
  CHECK(cut.back() == 'x');
}
