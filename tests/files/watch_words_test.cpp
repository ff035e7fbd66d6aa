#include "failure.hpp"
#include "watch_words.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace clawdspace::files;
using namespace std::string_literals;

TEST_CASE("commands are the same, whole or byte by byte") {
  const auto bytes = "add\0a-1\0recursive\0/x\n\xff\0remove\0a-1\0add\0b\0plain\0\0"s;
  for (const bool at_once : {true, false}) {
    watch_words words;
    std::string seen;
    const auto take = [&] {
      while (const auto command = words.next())
        seen +=
            (command->add ? "+" : "-") + command->id + (command->recursive ? "r" : "") + command->path + ";";
    };
    if (at_once) words.feed(bytes);
    for (const char c : at_once ? ""s : bytes) {
      words.feed({&c, 1});
      take();
    }
    take();
    CHECK(seen == "+a-1r/x\n\xff;-a-1;+b;");
  }
}

TEST_CASE("what is no command is refused") {
  for (const auto& bytes : {"\0"s, "ad\0"s, "ADD\0x\0plain\0/\0"s, "add\0\0plain\0/\0"s,
                            "add\0a b\0plain\0/\0"s, "add\0a\0deep\0/\0"s, "remove\0\0"s,
                            "remove\0"s + std::string(33, 'a') + "\0"s, std::string(9000, 'a')}) {
    watch_words words;
    words.feed(bytes);
    CHECK_THROWS_AS(words.next(), failure);
  }
}
