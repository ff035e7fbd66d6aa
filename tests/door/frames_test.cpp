#include <clawdspace/door/message.hpp>
#include <clawdspace/door/protocol.hpp>
#include <clawdspace/door/words.hpp>

#include <doctest/doctest.h>

#include <string>
#include <support/refusal.hpp>
#include <vector>

using namespace clawdspace;
using namespace clawdspace::door;
using namespace std::string_literals;

namespace {

/// A frame of words that are told apart by spaces.
std::string frame(std::string_view words) {
  std::string text(words);
  for (auto& c : text)
    if (c == ' ') c = '\0';
  return text + '\0';
}

template <class What> What read(std::string_view words) {
  auto said = value_or_throw(read_message(frame(words)));
  REQUIRE(std::holds_alternative<What>(said));
  return std::get<What>(said);
}

} // namespace

TEST_CASE("what is made of words is read as the same words") {
  for (const auto& words : std::vector<std::vector<std::string>>{{"hello"},
                                                                 {"spawn", "id", "--", "sh", "-c", ""},
                                                                 {"a", "", "", "b"},
                                                                 {"x", std::string(1000, 'y')}}) {
    std::string made;
    for (const auto& word : words) add_word(made, word);
    const auto split = words_of(made, 100);
    REQUIRE(split);
    CHECK(std::vector<std::string>(split->begin(), split->end()) == words);
  }
  CHECK(to_frame({"end", "id"}) == "end\0id\0"s);
}

TEST_CASE("a word with a NUL in it cannot be sent") {
  const auto refused = test::refusal([] { to_frame({"spawn", "a\0b"s}); });
  REQUIRE(refused);
  CHECK(refused->code() == errc::invalid_command);
}

TEST_CASE("frames that are not of words are refused") {
  CHECK_FALSE(words_of("", 8));
  CHECK_FALSE(words_of("ready", 8));
  CHECK_FALSE(words_of("ready\0x"s, 8));
  CHECK_FALSE(words_of("\0ready\0"s, 8));
  CHECK_FALSE(words_of("\0"s, 8));
  CHECK_FALSE(words_of("a\0b\0c\0"s, 2));
  CHECK(words_of("a\0b\0c\0"s, 3));
  CHECK(words_of(std::string(frame_limit - 1, 'x') + '\0', 8));
  CHECK_FALSE(words_of(std::string(frame_limit, 'x') + '\0', 8));
}

TEST_CASE("each of init's words is read") {
  CHECK(read<hello>("hello 1 a1b2").version == 1);
  CHECK(read<hello>("hello 7 a1b2").life == "a1b2");
  read<ready>("ready");
  CHECK(read<started>("started c1 42").pid == 42);
  const auto failure = read<failed>("failed c1 program_not_found 2 no such program: \"x\"");
  CHECK(failure.id == "c1");
  CHECK(failure.code == "program_not_found");
  CHECK(failure.error_number == 2);
  CHECK(failure.words == "no such program: \"x\"");
  CHECK(read<gone>("gone c1 confirmed").confirmed);
  CHECK_FALSE(read<gone>("gone c1 unconfirmed").confirmed);
  CHECK(read<input_closed>("input-closed c1").id == "c1");
  CHECK(read<hung_up>("hung-up c-1_x").id == "c-1_x");
  read<unknown>("news from a later version");
}

TEST_CASE("an ending is read with what is known about it") {
  const auto exited = read<ended>("ended c1 exited 3 oom=0 gone=confirmed").how;
  CHECK(exited.how == ending::way::exited);
  CHECK(exited.number == 3);
  CHECK(exited.oom_kills == 0);
  CHECK(exited.gone == true);
  const auto killed = read<ended>("ended c1 signaled 9 oom=2").how;
  CHECK(killed.how == ending::way::signaled);
  CHECK(killed.number == 9);
  CHECK(killed.oom_kills == 2);
  CHECK_FALSE(killed.gone);
  const auto lost = read<ended>("ended c1 lost 0 oom=? gone=unconfirmed").how;
  CHECK(lost.how == ending::way::lost);
  CHECK_FALSE(lost.oom_kills);
  CHECK(lost.gone == false);
}

TEST_CASE("what init knew before is read with what comes along") {
  const auto runs = read<known_command>("command c1 running 7 fds=ioeh");
  CHECK(runs.pid == 7);
  CHECK_FALSE(runs.ended);
  CHECK(runs.descriptors == "ioeh");
  const auto over = read<known_command>("command c1 exited 0 oom=0 gone=confirmed fds=oeh");
  REQUIRE(over.ended);
  CHECK(over.ended->gone == true);
  CHECK(over.descriptors == "oeh");
  CHECK(read<known_command>("command c1 signaled 15 oom=?").descriptors.empty());
  CHECK(read<known_command>("command c1 running 7 fds=").descriptors.empty());
}

TEST_CASE("what is not of the protocol's form is refused, and so is every beginning of what is") {
  for (const auto* const bad : {
           "hello",
           "hello 1",
           "hello x life",
           "hello 0 life",
           "hello -1 life",
           "hello 1 li/fe",
           "hello 1 l x",
           "hello 99999999999 life",
           "ready now",
           "started",
           "started c1",
           "started c1 x",
           "started c1 -4",
           "started c1 4 5",
           "started -c 4",
           "started c/1 4",
           "started  4",
           "failed c1",
           "failed c1 no_idea 2 x",
           "failed c1 no_shell x y",
           "ended c1",
           "ended c1 exited",
           "ended c1 exited 0",
           "ended c1 exited x oom=0",
           "ended c1 exited 256 oom=0",
           "ended c1 signaled 0 oom=0",
           "ended c1 signaled 65 oom=0",
           "ended c1 slept 0 oom=0",
           "ended c1 exited 0 oom=x",
           "ended c1 exited 0 oom=",
           "ended c1 exited 0 0",
           "ended c1 exited 0 oom=0 gone=perhaps",
           "ended c1 exited 0 oom=0 gone=confirmed x",
           "gone c1",
           "gone c1 certainly",
           "gone c1 confirmed x",
           "input-closed",
           "input-closed c1 x",
           "hung-up c1 x",
           "command",
           "command c1",
           "command c1 running",
           "command c1 running x",
           "command c1 running 7 fds=q",
           "command c1 running 7 fds=oo",
           "command c1 running 7 fds=eo",
           "command c1 fds=io",
           "command c1 exited 0",
           "x x x x x x x x x x x x x x x x x",
       }) {
    CAPTURE(bad);
    CHECK_FALSE(read_message(frame(bad)));
  }
  CHECK_FALSE(read_message(frame("started " + std::string(id_limit + 1, 'a') + " 4")));
  for (const auto* const good : {"hello 1 life", "started c1 42", "ended c1 exited 3 oom=0 gone=confirmed",
                                 "command c1 running 7 fds=ioeh", "failed c1 no_shell 2 words"}) {
    const auto whole = frame(good);
    CHECK(read_message(whole));
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const auto part = whole.substr(0, size);
      if (part.empty() || part.back() != '\0') CHECK_FALSE(read_message(part));
    }
  }
}

TEST_CASE("a failure's words are kept short and on one line") {
  const auto told = read<failed>("failed c1 no_shell 2 a\nb\x1b[0m " + std::string(5000, 'x'));
  CHECK(told.words.starts_with("a b [0m x"));
  CHECK(told.words.size() == 1024);
}
