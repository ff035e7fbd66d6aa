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

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool parse_hex(text digits, uint64_t limit, uint64_t& value) {
  if (digits.empty() || digits.size() > 16) return false;
  value = 0;
  for (char c : digits) {
    if (digit_of(c) < 0) return false;
    value = value << 4 | static_cast<uint64_t>(digit_of(c));
  }
  return value <= limit;
}

/// The next word between any number of spaces; empty at the end.
text take_field(text& row) {
  while (!row.empty() && row[0] == ' ') row = row.after(1);
  return row.take_until(' ');
}

/// ADDRESS:PORT, the address in words of 32 bits as this machine has them in memory.
bool parse_place(text place, socket_row& found) {
  const text digits = place.take_until(':');
  if (digits.size() != 8 && digits.size() != 32) return false;
  for (size_t at = 0; at < digits.size(); at += 8) {
    uint64_t word = 0;
    if (!parse_hex(digits.after(at).first(8), 0xffffffff, word)) return false;
    const uint32_t as_stored = static_cast<uint32_t>(word);
    __builtin_memcpy(found.address + at / 2, &as_stored, sizeof as_stored);
  }
  found.address_size = digits.size() / 2;
  uint64_t port = 0;
  if (place.size() != 4 || !parse_hex(place, 0xffff, port)) return false;
  found.port = static_cast<uint16_t>(port);
  return true;
}

} // namespace

bool parse_socket_row(text row, socket_row& found) {
  take_field(row); // its number
  uint64_t state = 0;
  uint64_t uid = 0;
  if (!parse_place(take_field(row), found)) return false;
  take_field(row); // the peer
  if (!parse_hex(take_field(row), 0xff, state)) return false;
  for (int skipped = 0; skipped < 3; ++skipped) take_field(row); // queues, timer, repetitions
  if (!parse_number(take_field(row), highest_id, uid)) return false;
  take_field(row);
  found.state = static_cast<uint8_t>(state);
  found.uid = static_cast<uint32_t>(uid);
  return parse_number(take_field(row), UINT64_MAX, found.inode);
}

bool parse_unix_row(text row, unix_row& found) {
  constexpr uint64_t accepts = 0x10000; // __SO_ACCEPTCON of <linux/net.h>
  constexpr uint64_t stream = 1;
  uint64_t flags = 0;
  uint64_t type = 0;
  for (int skipped = 0; skipped < 3; ++skipped) take_field(row); // where it is, references, protocol
  if (!parse_hex(take_field(row), 0xffffffff, flags) || !parse_hex(take_field(row), 0xffff, type))
    return false;
  take_field(row);
  if ((flags & accepts) == 0 || type != stream) return false;
  if (!parse_number(take_field(row), UINT64_MAX, found.inode)) return false;
  constexpr size_t longest = 107;
  if (row.empty() || row[0] != '/' || row.size() > longest) return false;
  for (char c : row)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  found.path = row;
  return true;
}

bool parse_socket_link(text link, uint64_t& inode) {
  constexpr text prefix = "socket:[";
  if (!link.starts_with(prefix) || link[link.size() - 1] != ']') return false;
  return parse_number(link.first(link.size() - 1).after(prefix.size()), UINT64_MAX, inode);
}

size_t parse_address(text digits, unsigned char (&bytes)[16]) {
  if (digits.size() != 8 && digits.size() != 32) return 0;
  for (size_t i = 0; i < digits.size(); i += 2) {
    const int high = digit_of(digits[i]);
    const int low = digit_of(digits[i + 1]);
    if (high < 0 || low < 0) return 0;
    bytes[i / 2] = static_cast<unsigned char>(high << 4 | low);
  }
  return digits.size() / 2;
}

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
