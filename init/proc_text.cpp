#include "proc_text.hpp"

namespace clawdspace::init {
namespace {

constexpr uint64_t highest_pid = 0x7fffffff;
constexpr uint64_t highest_id = 0xffffffff;

bool parse_four(text fields, uint32_t (&ids)[4]) {
  for (uint32_t& id : ids) {
    while (!fields.empty() && (fields[0] == '\t' || fields[0] == ' ')) fields = fields.after(1);
    uint64_t n = 0;
    if (!parse_number(fields.take_until('\t'), highest_id, n)) return false;
    id = static_cast<uint32_t>(n);
  }
  return true;
}

} // namespace

bool parse_stat(text bytes, process_stat& found) {
  const size_t open = bytes.find('(');
  const size_t close = bytes.find_last(')');
  if (close == bytes.size() || open < 2 || open > close) return false;
  uint64_t pid = 0;
  uint64_t parent = 0;
  if (!parse_number(bytes.first(open - 1), highest_pid, pid)) return false;
  text rest = bytes.after(close + 1); // " S 1234 …"
  if (rest.size() < 4 || rest[0] != ' ' || rest[2] != ' ') return false;
  const char state = rest[1];
  rest = rest.after(3);
  if (!parse_number(rest.take_until(' '), highest_pid, parent)) return false;
  found.pid = static_cast<int>(pid);
  found.parent = static_cast<int>(parent);
  found.state = state;
  return true;
}

bool parse_status_ids(text bytes, process_ids& found) {
  bool uids = false;
  bool gids = false;
  // A line end in the process's name is escaped here, so a line is a line.
  while (!bytes.empty() && !(uids && gids)) {
    const text row = bytes.take_until('\n');
    if (row.starts_with("Uid:")) uids = parse_four(row.after(4), found.uids);
    if (row.starts_with("Gid:")) gids = parse_four(row.after(4), found.gids);
  }
  return uids && gids;
}

bool parse_oom_kills(text bytes, uint64_t& kills) {
  while (!bytes.empty()) {
    text row = bytes.take_until('\n');
    if (row.take_until(' ') == "oom_kill") return parse_number(row, UINT64_MAX, kills);
  }
  return false;
}

char environment_search::wanted(size_t i) const {
  if (i < name_.size()) return name_[i];
  return i == name_.size() ? '=' : value_[i - name_.size() - 1];
}

bool environment_search::feed(text piece) {
  for (char c : piece) {
    if (c == '\0') {
      if (!mismatch_ && matched_ == length()) return true;
      matched_ = 0;
      mismatch_ = false;
    } else if (!mismatch_) {
      if (matched_ < length() && wanted(matched_) == c)
        ++matched_;
      else
        mismatch_ = true;
    }
  }
  return false;
}

} // namespace clawdspace::init
