#pragma once

#include <clawdspace/core/result.hpp>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

// The form of a frame (protocol.hpp): words, each ended by a NUL.

namespace clawdspace::door {

/// Puts a word at the end of a frame. Throws errc::invalid_command for one that has a NUL in it.
void add_word(std::string& frame, std::string_view word);

std::string to_frame(std::initializer_list<std::string_view> words);

/// The words of a frame, which they point into. An error (errc::malformed_request) where it is empty, does
/// not end with a NUL, has more than frame_limit bytes or more than `most` words, or begins with an empty
/// one.
result<std::vector<std::string_view>> words_of(std::string_view frame, std::size_t most);

} // namespace clawdspace::door
