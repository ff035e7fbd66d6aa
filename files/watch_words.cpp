#include "watch_words.hpp"

#include "failure.hpp"
#include <clawdspace/files/protocol.hpp>

#include <algorithm>
#include <vector>

namespace clawdspace::files {
namespace {

constexpr std::size_t longest_command = 8192; // a path of PATH_MAX, and the words before it

[[noreturn]] void refuse(std::string_view what) {
  throw failure{.code = "invalid",
                .words = "watch was told something else than a command: " + std::string(what)};
}

bool is_id(std::string_view id) {
  constexpr std::string_view others = "_-";
  return !id.empty() && id.size() <= watch_id_limit && std::ranges::all_of(id, [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           others.find(c) != others.npos;
  });
}

} // namespace

std::optional<watch_command> watch_words::next() {
  std::vector<std::string> words;
  std::size_t at = 0;
  std::size_t wanted = 1;
  while (words.size() < wanted) {
    const auto end = bytes_.find('\0', at);
    if (end == bytes_.npos) {
      if (bytes_.size() > longest_command) refuse("no end");
      return std::nullopt;
    }
    words.push_back(bytes_.substr(at, end - at));
    at = end + 1;
    if (words.size() == 1) wanted = words[0] == watch_add ? 4 : words[0] == watch_remove ? 2 : 0;
    if (wanted == 0) refuse("no such verb");
  }
  bytes_.erase(0, at);
  if (!is_id(words[1])) refuse("no id");
  watch_command command{.add = wanted == 4, .id = words[1]};
  if (!command.add) return command;
  if (words[2] != watch_plain && words[2] != watch_recursive) refuse("neither plain nor recursive");
  command.recursive = words[2] == watch_recursive;
  command.path = words[3];
  return command;
}

} // namespace clawdspace::files
