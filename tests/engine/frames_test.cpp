#include <clawdspace/engine/frames.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

using namespace clawdspace;
using engine::channel;
using engine::demultiplexer;

namespace {

std::string frame(char stream, std::string_view payload) {
  const auto n = static_cast<std::uint32_t>(payload.size());
  std::string made{stream, 0, 0, 0};
  for (const int shift : {24, 16, 8, 0}) made += static_cast<char>(n >> shift & 0xff);
  return made + std::string(payload);
}

struct outcome {
  std::string out;
  std::string err;
  std::string failure; ///< empty: none
  bool clean_end = false;
  int pieces = 0;
  bool operator==(const outcome& other) const { // however the input was cut
    return out == other.out && err == other.err && failure == other.failure && clean_end == other.clean_end;
  }
};

/// Feeds the text in pieces of the sizes that `next_size` gives, each in a buffer of its own.
template <class NextSize> outcome take_apart(const std::string& text, NextSize next_size) {
  demultiplexer frames;
  outcome got;
  for (std::size_t at = 0; at < text.size();) {
    const auto size = std::min<std::size_t>(next_size(), text.size() - at);
    std::vector<std::byte> buffer(size);
    std::memcpy(buffer.data(), text.data() + at, size);
    at += size;
    std::span<std::byte> rest(buffer);
    while (!rest.empty()) {
      const auto step = frames.feed(rest);
      if (!step) {
        got.failure = step.error().what();
        CHECK(step.error().code() == errc::engine_failed);
        return got;
      }
      CHECK((step->taken > 0 && step->taken <= rest.size()));
      if (step->data.empty()) CHECK(step->taken == rest.size());
      auto& into = step->from == channel::stderr_ ? got.err : got.out;
      into.append(reinterpret_cast<const char*>(step->data.data()), step->data.size());
      ++got.pieces;
      rest = rest.subspan(step->taken);
    }
  }
  got.clean_end = frames.between_frames();
  return got;
}

outcome whole(const std::string& text) {
  return take_apart(text, [&] { return text.size(); });
}
outcome byte_by_byte(const std::string& text) {
  return take_apart(text, [] { return 1; });
}

} // namespace

TEST_CASE("frames are taken apart the same, whole and byte by byte") {
  const struct {
    const char* what;
    std::string text;
    std::string out;
    std::string err;
    bool clean_end;
  } cases[] = {
      {"nothing", "", "", "", true},
      {"one", frame(1, "hi\n"), "hi\n", "", true},
      {"both channels, in turns", frame(1, "a") + frame(2, "b") + frame(1, "c") + frame(2, "d"), "ac", "bd",
       true},
      {"an empty frame between, first and last",
       frame(2, "") + frame(1, "a") + frame(1, "") + frame(1, "b") + frame(1, ""), "ab", "", true},
      {"an echo of stdin is output", frame(0, "x"), "x", "", true},
      {"payload that looks like frames", frame(1, frame(2, "no")) + frame(2, "yes"), frame(2, "no"), "yes",
       true},
      {"cut in the header", frame(1, "a") + frame(2, "b").substr(0, 5), "a", "", false},
      {"cut in the payload", frame(1, "a") + frame(2, "bcd").substr(0, 9), "a", "b", false},
      {"a NUL", frame(1, std::string(3, '\0')), std::string(3, '\0'), "", true},
  };
  for (const auto& c : cases) {
    CAPTURE(c.what);
    const auto got = whole(c.text);
    CHECK(got.out == c.out);
    CHECK(got.err == c.err);
    CHECK(got.failure.empty());
    CHECK(got.clean_end == c.clean_end);
    CHECK(byte_by_byte(c.text) == got);
  }
}

TEST_CASE("what is no frame is refused, and what came before it is given") {
  std::string huge = frame(1, "");
  huge[4] = 0x7f;
  std::string reserved = frame(1, "x");
  reserved[2] = 1;
  for (const auto& bad : {std::string("IPWHAT EVER a terminal says"), frame(4, "x"), huge, reserved}) {
    const auto got = whole(frame(1, "before") + bad);
    CHECK(got.out == "before");
    CHECK(got.failure.find("broken frame") != std::string::npos);
    CHECK(byte_by_byte(frame(1, "before") + bad) == got);
  }
}

TEST_CASE("an error that the Engine reports within the stream keeps its words") {
  const auto text = frame(1, "a") + frame(3, "disk on fire") + frame(1, "b");
  CHECK(whole(text).out == "a");
  CHECK(whole(text).failure.find("disk on fire") != std::string::npos);
  CHECK(byte_by_byte(text) == whole(text));
  CHECK(whole(frame(3, std::string(1 << 20, 'x'))).failure.size() < 5000);
}

TEST_CASE("small frames of one channel come as one piece, and large ones stay where they are") {
  std::string lines;
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    const auto line = "line " + std::to_string(i) + "\n";
    lines += frame(1, line);
    expected += line;
  }
  CHECK(whole(lines).out == expected);
  CHECK(whole(lines).pieces == 1);
  CHECK(whole(lines + frame(2, "x") + lines).pieces == 3);
  const std::string large(demultiplexer::small_frame + 1, 'x');
  CHECK(whole(frame(1, large) + frame(1, large)).pieces == 2);
}

TEST_CASE("however frames are cut, no byte is lost, doubled or out of order") {
  std::mt19937 random(42);
  const auto up_to = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n)(random); };
  for (int round = 0; round < 300; ++round) {
    std::string text;
    std::string out;
    std::string err;
    for (std::size_t i = 0, n = up_to(30); i < n; ++i) {
      std::string payload(up_to(up_to(9) == 0 ? 40'000 : 20), '\0');
      for (auto& c : payload) c = static_cast<char>(random());
      const bool is_err = up_to(2) == 0;
      text += frame(is_err ? 2 : 1, payload);
      (is_err ? err : out) += payload;
    }
    const auto got = take_apart(text, [&] { return 1 + up_to(round % 2 == 0 ? 50 : 70'000); });
    CHECK((got.out == out && got.err == err && got.clean_end && got.failure.empty()));
  }
}
