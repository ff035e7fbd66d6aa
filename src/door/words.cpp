#include <clawdspace/door/protocol.hpp>
#include <clawdspace/door/words.hpp>

#include <fmt/format.h>

namespace clawdspace::door {

void add_word(std::string& frame, std::string_view word) {
  if (word.find('\0') != std::string_view::npos)
    throw error(errc::invalid_command, "a word of a command has a NUL in it");
  frame.append(word);
  frame.push_back('\0');
}

std::string to_frame(std::initializer_list<std::string_view> words) {
  std::string frame;
  for (const auto word : words) add_word(frame, word);
  return frame;
}

result<std::vector<std::string_view>> words_of(std::string_view frame, std::size_t most) {
  if (frame.empty()) return failure(errc::malformed_request, "a frame is empty");
  if (frame.size() > frame_limit)
    return failure(errc::malformed_request, fmt::format("a frame has more than {} bytes", frame_limit));
  if (frame.back() != '\0')
    return failure(errc::malformed_request, "the last word of a frame is not ended by a NUL");
  std::vector<std::string_view> words;
  words.reserve(8);
  while (!frame.empty()) {
    if (words.size() == most)
      return failure(errc::malformed_request, fmt::format("a frame has more than {} words", most));
    const auto end = frame.find('\0');
    words.push_back(frame.substr(0, end));
    frame.remove_prefix(end + 1);
  }
  if (words.front().empty()) return failure(errc::malformed_request, "a frame begins with an empty word");
  return words;
}

} // namespace clawdspace::door
