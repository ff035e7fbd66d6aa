#include "frame.hpp"

namespace clawdspace::init {

bool is_frame(text bytes, size_t limit) {
  return !bytes.empty() && bytes.size() <= limit && bytes[0] != '\0' && bytes[bytes.size() - 1] == '\0';
}

bool frame_words::next(text& word) {
  if (rest_.empty()) return false;
  word = rest_.take_until('\0');
  return true;
}

bool parse_size(text digits, unsigned short& size) {
  uint64_t n = 0;
  if (!parse_number(digits, 0xffff, n) || n == 0) return false;
  size = static_cast<unsigned short>(n);
  return true;
}

bool outline_spawn(frame_words words, spawn_outline& found) {
  const text rows = door::option_rows;
  const text columns = door::option_columns;
  for (text word; words.next(word) && word != "--";) {
    if (word == door::option_input) found.input = true;
    if (word == door::option_tty) found.tty = true;
    if (word == door::option_outlive) found.outlive = true;
    if (word.starts_with(rows) && !parse_size(word.after(rows.size()), found.rows)) return false;
    if (word.starts_with(columns) && !parse_size(word.after(columns.size()), found.columns)) return false;
  }
  return true;
}

} // namespace clawdspace::init
