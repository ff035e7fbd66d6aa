#include "commands.hpp"
#include "frame.hpp"
#include "text_io.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace clawdspace;
using clawdspace::init::frame_line;
using clawdspace::init::frame_words;
using clawdspace::init::is_frame;
using clawdspace::init::spawn_outline;
using clawdspace::test::str;
using clawdspace::test::view;

namespace {

/// Each word is ended by a NUL, which `|` stands for.
std::string frame_of(std::string words) {
  std::ranges::replace(words, '|', '\0');
  return words;
}

std::vector<std::string> words_of(const std::string& frame) {
  std::vector<std::string> all;
  frame_words words(view(frame));
  for (init::text word; words.next(word);) {
    CHECK(word.data()[word.size()] == '\0');
    all.push_back(str(word));
  }
  return all;
}

std::string shown(const frame_line& line) {
  std::string words = str(line.view());
  std::ranges::replace(words, '\0', '|');
  return words;
}

/// `INPUT TTY OUTLIVE ROWSxCOLUMNS DESCRIPTORS`, or `wrong`.
std::string outline(const std::string& words) {
  spawn_outline found;
  const std::string frame = frame_of(words);
  if (!outline_spawn(frame_words(view(frame)), found)) return "wrong";
  return std::to_string(found.input) + std::to_string(found.tty) + std::to_string(found.outlive) + " " +
         std::to_string(found.rows) + "x" + std::to_string(found.columns) + " " +
         std::to_string(found.descriptors());
}

} // namespace

TEST_CASE("a frame is words that end in NUL, the first of which is not empty") {
  using words = std::vector<std::string>;
  struct row {
    std::string bytes;
    words wanted; // none: it is no frame
  };
  for (const auto& [bytes, wanted] : std::vector<row>{
           {"", {}},
           {"|", {}},
           {"||", {}},
           {"|a|", {}},
           {"a", {}},
           {"a|b", {}},
           {"a|", {"a"}},
           {"a||", {"a", ""}},
           {"a|||b|", {"a", "", "", "b"}},
           {"spawn|id|--|echo|\xff\n|", {"spawn", "id", "--", "echo", "\xff\n"}},
       }) {
    const std::string frame = frame_of(bytes);
    CHECK_MESSAGE(is_frame(view(frame)) == !wanted.empty(), bytes);
    if (!wanted.empty()) CHECK(words_of(frame) == wanted);
  }
  CHECK(is_frame(view(std::string(door::frame_limit - 1, 'x') + '\0')));
  CHECK_FALSE(is_frame(view(std::string(door::frame_limit, 'x') + '\0')));
  CHECK(is_frame(view(std::string(door::frame_limit, 'x') + '\0'), door::spawn_limit));
}

TEST_CASE("of a frame that was cut anywhere only whole words are read, and nothing behind it") {
  const std::string whole = frame_of("spawn|id|--input|--rows=12|--|echo|x|");
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const std::vector<char> exactly(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const init::text bytes(exactly.data(), exactly.size());
    const bool complete = size > 0 && whole[size - 1] == '\0';
    CHECK(is_frame(bytes) == complete);
    if (!complete) continue;
    std::string again;
    frame_words words(bytes);
    spawn_outline found;
    CHECK(outline_spawn(words, found));
    for (init::text word; words.next(word);) again += str(word) + '\0';
    CHECK(again == whole.substr(0, size));
  }
}

TEST_CASE("what comes with a command follows from its options, up to --") {
  CHECK(outline("--|true|") == "000 24x80 2");
  CHECK(outline("--input|--|true|") == "100 24x80 3");
  CHECK(outline("--outlive|--|true|") == "001 24x80 5");
  CHECK(outline("--user=x|--outlive|--input|--|true|") == "101 24x80 7");
  CHECK(outline("--tty|--rows=50|--columns=65535|--|true|") == "010 50x65535 0");
  CHECK(outline("--tty|--outlive|--input|--login|--|") == "111 24x80 1");
  CHECK(outline("--|--input|--tty|--rows=x|") == "000 24x80 2");
  CHECK(outline("--inputs|--rows|--|x|") == "000 24x80 2");
  CHECK(outline("") == "000 24x80 2");
  for (const char* size : {"", "0", "65536", "-1", "+1", "1 ", "x", "99999999999999999999"}) {
    CHECK(outline(std::string("--rows=") + size + "|--|x|") == "wrong");
    CHECK(outline(std::string("--columns=") + size + "|--|x|") == "wrong");
  }
}

TEST_CASE("what is told of a command stands in the protocol's words") {
  init::command c;
  const std::string name = "c1";
  name.copy(c.name, name.size());
  c.name_size = 2;
  c.now = init::phase::starting;
  CHECK(shown(command_frame(c)) == "command|c1|running|0|");
  c.now = init::phase::running;
  c.main = 77;
  CHECK(shown(started_frame(c)) == "started|c1|77|");
  CHECK(shown(command_frame(c)) == "command|c1|running|77|");
  c.fds[init::kept_in] = c.fds[init::kept_history] = 9;
  CHECK(shown(command_frame(c)) == "command|c1|running|77|fds=ih|");
  c.now = init::phase::ended;
  c.how = {true, 9};
  CHECK(shown(ended_frame(c)) == "ended|c1|signaled|9|oom=?|");
  c.oom = {true, 2};
  c.gone = true;
  CHECK(shown(ended_frame(c)) == "ended|c1|signaled|9|oom=2|gone=unconfirmed|");
  c.confirmed = true;
  c.how = {false, 3};
  c.fds[init::kept_in] = -1;
  c.fds[init::kept_out] = c.fds[init::kept_err] = c.fds[init::kept_tty] = 9;
  CHECK(shown(command_frame(c)) == "command|c1|exited|3|oom=2|gone=confirmed|fds=oeth|");
  c.lost = true;
  c.how = {};
  CHECK(shown(ended_frame(c)) == "ended|c1|lost|0|oom=2|gone=confirmed|");
  CHECK(shown(init::gone_frame("c1", false)) == "gone|c1|unconfirmed|");
  auto problem = init::make_problem(door::start_failure::no_shell, 2, "no shell");
  c.problem = &problem;
  CHECK(shown(failed_frame(c)) == "failed|c1|no_shell|2|no shell|");
  problem = init::make_problem(door::start_failure::no_shell, 2, view(std::string(1000, 'w')));
  CHECK(shown(failed_frame(c)).ends_with("w|"));
  c.problem = nullptr;
  CHECK(shown(failed_frame(c)) == "failed|c1|process_limit|12|no memory|");
}
