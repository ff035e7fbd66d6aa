#include <clawdspace/api/json.hpp>

#include <doctest/doctest.h>

#include <string>
#include <support/refusal.hpp>

using namespace clawdspace;
using namespace clawdspace::api;
using namespace std::string_literals;
using test::refusal;
using test::words_of_refusal;

TEST_CASE("a body is one JSON value, and what is wrong with it is told with its place") {
  for (const auto* text : {"{}", " {\"a\": [1, 2.5, null, true, \"x\"]} \n", "1", "\"x\"", "null", "[]"}) {
    CAPTURE(text);
    CHECK(parse_json(text));
  }
  struct row {
    const char* text;
    const char* words;
  };
  for (const auto& [text, words] :
       {row{"{} {}", "extra data at byte 3"}, row{"{}x", "extra data at byte 2"},
        row{"{\"a\":1,}", "at byte 7"}, row{"{\"a\":tru", "at byte 8"}, row{"", "at byte 0"},
        row{"   ", "at byte 3"}, row{"{\"a\":\"\xff\"}", "at byte 6"}, row{"{'a':1}", "at byte 1"},
        row{"[01]", "at byte 2"}, row{"\"\n\"", "at byte 1"}}) {
    CAPTURE(text);
    const auto parsed = parse_json(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == errc::invalid_json);
    const std::string got = parsed.error().what();
    CAPTURE(got);
    CHECK(got.find(words) != std::string::npos);
  }
  CHECK_FALSE(parse_json(std::string(10'000, '['))); // no depth of a client's choosing
}

TEST_CASE("numbers read as people write them") {
  struct row {
    const char* text;
    const char* written;
  };
  for (const auto& [text, written] :
       {row{"2.0", "2"}, row{"0.5", "0.5"}, row{"1e3", "1000"}, row{"-0.25", "-0.25"},
        row{"123456789012", "123456789012"}, row{"-9223372036854775808", "-9223372036854775808"},
        row{"18446744073709551615", "18446744073709551615"}, row{"[1,2,[]]", "[1,2,[]]"},
        row{"{\"a\\\"\\n\":{\"b\":\"\\u00e4\"},\"c\":[true,null]}",
            "{\"a\\\"\\n\":{\"b\":\"\xc3\xa4\"},\"c\":[true,null]}"}}) {
    CAPTURE(text);
    CHECK(to_text(parse_json(text).value()) == written);
  }
  CHECK(parse_json(to_text(boost::json::value(1e300))).value().as_double() == 1e300);
}

TEST_CASE("fields that are not known, and those of a wrong type, are refused by name") {
  const auto body =
      parse_json(R"({"text":"x","number":5,"real":5.5,"flag":true,"nothing":null,"big":1e30})").value();
  const fields_of fields(body, {"text", "number", "real", "flag", "nothing", "big", "absent"});
  CHECK(fields.text("text") == "x");
  CHECK(fields.integer("number", 0, 5) == 5);
  CHECK(fields.boolean("flag") == true);
  CHECK(fields.duration("number") == std::chrono::milliseconds(5));
  for (const auto* name : {"nothing", "absent"}) {
    CHECK_FALSE(fields.has(name));
    CHECK_FALSE(fields.text(name));
    CHECK_FALSE(fields.integer(name, 0, 9));
    CHECK_FALSE(fields.boolean(name));
    CHECK_FALSE(fields.duration(name));
  }
  CHECK(fields.is_null("nothing"));
  CHECK_FALSE(fields.is_null("absent"));
  CHECK_FALSE(fields.is_null("text"));

  CHECK(words_of_refusal([&] { (void)fields.text("number"); }) == "number: must be a string");
  CHECK(words_of_refusal([&] { (void)fields.boolean("text"); }) == "text: must be true or false");
  for (const auto* name : {"text", "real", "flag", "big"}) {
    CAPTURE(name);
    CHECK(words_of_refusal([&] { (void)fields.integer(name, 0, 9); }) ==
          name + ": must be a whole number from 0 to 9"s);
  }
  CHECK(refusal([&] { (void)fields.integer("number", 6, 9); })->code() == errc::invalid_field);
  CHECK(refusal([&] { (void)fields.integer("number", 0, 4); })->code() == errc::invalid_field);
  CHECK(refusal([&] { (void)fields.duration("number", 6); })->code() == errc::invalid_field);

  const auto unknown = refusal([&] { const fields_of strict(body, {"text"}); });
  REQUIRE(unknown);
  CHECK(unknown->code() == errc::unknown_field);
  for (const auto* text : {"[]", "1", "null", "\"x\""}) {
    CAPTURE(text);
    const auto other = parse_json(text).value();
    CHECK(refusal([&] { const fields_of strict(other, {"text"}); })->code() == errc::invalid_json);
  }
}

TEST_CASE("UTF-8 is what RFC 3629 says, to the edge of each row of its table") {
  for (const auto& good : {""s,
                           "a"s,
                           "\0"s,
                           "\x7f"s,
                           "\xc2\x80"s,
                           "\xdf\xbf"s,
                           "\xe0\xa0\x80"s,
                           "\xe0\xbf\xbf"s,
                           "\xe1\x80\x80"s,
                           "\xec\xbf\xbf"s,
                           "\xed\x80\x80"s,
                           "\xed\x9f\xbf"s,
                           "\xee\x80\x80"s,
                           "\xef\xbf\xbf"s,
                           "\xf0\x90\x80\x80"s,
                           "\xf0\xbf\xbf\xbf"s,
                           "\xf1\x80\x80\x80"s,
                           "\xf3\xbf\xbf\xbf"s,
                           "\xf4\x80\x80\x80"s,
                           "\xf4\x8f\xbf\xbf"s,
                           "a\xc3\xa4z\xe2\x82\xac\xf0\x9f\x98\x80"s}) {
    CAPTURE(good);
    CHECK(is_utf8(good));
    CHECK(incomplete_tail(good) == 0);
  }
  for (const auto& bad : {"\x80"s,
                          "\xbf"s,
                          "\xc0\x80"s,
                          "\xc1\xbf"s,
                          "\xc2"s,
                          "\xc2\x7f"s,
                          "\xc2\xc0"s,
                          "\xe0\x80\x80"s,
                          "\xe0\x9f\xbf"s,
                          "\xe1\x80"s,
                          "\xe1\x80\x7f"s,
                          "\xe1\xc0\x80"s,
                          "\xed\xa0\x80"s,
                          "\xed\xbf\xbf"s,
                          "\xf0\x80\x80\x80"s,
                          "\xf0\x8f\xbf\xbf"s,
                          "\xf0\x90\x80"s,
                          "\xf4\x90\x80\x80"s,
                          "\xf5\x80\x80\x80"s,
                          "\xf8\x88\x80\x80\x80"s,
                          "\xfe"s,
                          "\xff"s,
                          "a\xff"s,
                          "\xe2\x82z"s,
                          "\xc3\xa4\xa4"s}) {
    CAPTURE(bad);
    CHECK_FALSE(is_utf8(bad));
  }
}

TEST_CASE("the beginning of a character at the end is told from what can never be one") {
  struct row {
    std::string text;
    std::size_t tail;
  };
  for (const auto& [text, tail] :
       {row{"a\xc2", 1}, row{"\xe2", 1}, row{"a\xe2\x82", 2}, row{"\xf0\x9f\x98", 3}, row{"\xf0\x9f", 2},
        row{"\xf0", 1}, row{"\xe0\xa0", 2}, row{"\xed\x9f", 2}, row{"\xf4\x8f\xbf", 3},
        // never to be completed:
        row{"\xc0", 0}, row{"\xf5", 0}, row{"\xff", 0}, row{"\x80", 0}, row{"\xe0\x80", 0},
        row{"\xed\xa0", 0}, row{"\xf0\x80", 0}, row{"\xf4\x90", 0}, row{"\xf0\x9f\x98\x80\x80", 0},
        row{"\x80\x80\x80\x80", 0}, row{"\xc3\xa4", 0}, row{"\xc3\xa4\xc3", 1}}) {
    CAPTURE(text);
    CHECK(incomplete_tail(text) == tail);
  }
}

TEST_CASE("text that is cut anywhere and put together at its tails is whole again") {
  const auto text = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z"s;
  for (std::size_t at = 0; at <= text.size(); ++at) {
    CAPTURE(at);
    const auto tail = incomplete_tail(std::string_view(text).substr(0, at));
    CHECK(is_utf8(std::string_view(text).substr(0, at - tail)));
    CHECK(is_utf8(std::string_view(text).substr(at - tail)));
  }
}

TEST_CASE("base64 is RFC 4648's") {
  for (const auto& [bytes, text] :
       std::initializer_list<std::pair<std::string, const char*>>{{"", ""},
                                                                  {"f", "Zg=="},
                                                                  {"fo", "Zm8="},
                                                                  {"foo", "Zm9v"},
                                                                  {"foob", "Zm9vYg=="},
                                                                  {"fooba", "Zm9vYmE="},
                                                                  {"foobar", "Zm9vYmFy"},
                                                                  {"\xfb\xff\xbf", "+/+/"},
                                                                  {"\0"s, "AA=="}}) {
    CAPTURE(text);
    CHECK(to_base64(bytes) == text);
    CHECK(from_base64(text).value() == bytes);
  }
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  for (std::size_t size = 0; size <= all.size(); ++size) {
    const auto part = all.substr(all.size() - size);
    CHECK(from_base64(to_base64(part)).value() == part);
  }
}

TEST_CASE("what is not quite base64 is refused") {
  for (const auto& text : {"Z"s, "Zg"s, "Zg="s, "Zm9"s, "===="s, "Z==="s, "Zg==Zg=="s, "Zm=v"s, "=Zm9"s,
                           "Zm9v\n"s, " Zg="s, "Zm-_"s, "Zg==="s, "Zm9\0"s}) {
    CAPTURE(text);
    const auto decoded = from_base64(text);
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().code() == errc::invalid_field);
  }
}
