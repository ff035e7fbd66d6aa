#pragma once

#include <clawdspace/core/error.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clawdspace::spaces {

/// Why something was not done to a file: `word` is one of the refusals of files/protocol.hpp. Both the word
/// and the sentence come out of a space.
class file_error : public error {
 public:
  file_error(std::string word, const std::string& sentence)
      : error(errc::file_refused, sentence), word_(std::move(word)) {}

  [[nodiscard]] const std::string& word() const noexcept { return word_; }

  std::string etag;                  ///< of what is there, with `precondition` and `range`
  std::optional<std::uint64_t> size; ///< of the file, with `range`

 private:
  std::string word_;
};

} // namespace clawdspace::spaces
