#pragma once

#include "text.hpp"
#include <clawdspace/door/protocol.hpp>

namespace clawdspace::init {

/// The words of a frame, see <clawdspace/door/protocol.hpp>, in order. Each is followed in memory by its NUL.
class frame_words {
  text rest_;

 public:
  /// Precondition: is_frame(bytes).
  explicit frame_words(text bytes) : rest_(bytes) {}
  bool next(text& word);
  /// What `next` has not given yet, as it stands in the frame.
  text rest() const { return rest_; }
};

/// Whether these bytes are a list of words with at least a verb, and no more than `limit`.
bool is_frame(text bytes, size_t limit = door::frame_limit);

/// A frame of our own being made: none is longer than this, a failure's words included.
class frame_line {
  line<1024> bytes_;

 public:
  explicit frame_line(text verb) { word(verb); }
  frame_line& word(text w) {
    bytes_ << w << text("", 1);
    return *this;
  }
  frame_line& number(uint64_t n) {
    bytes_ << n << text("", 1);
    return *this;
  }
  /// NAME and what it is, in one word.
  frame_line& named(text name, text value) {
    bytes_ << name << value << text("", 1);
    return *this;
  }
  text view() const { return bytes_.view(); }
};

/// What PID 1 must know of a `spawn` before anybody reads the rest of it: from the words behind the id.
struct spawn_outline {
  bool input = false;
  bool tty = false;
  bool outlive = false;
  unsigned short rows = 24;
  unsigned short columns = 80;

  /// How many descriptors come with it.
  size_t streams() const { return tty ? 0 : input ? 3 : 2; }
  size_t descriptors() const { return outlive ? 2 * streams() + 1 : streams(); }
};

/// Reads the options up to `--`. What it does not know is left to parse_command. False: a size that is none.
bool outline_spawn(frame_words words, spawn_outline& found);

/// Reads a number of rows or columns: 1 to 65535.
bool parse_size(text digits, unsigned short& size);

} // namespace clawdspace::init
