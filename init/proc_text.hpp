#pragma once

#include "text.hpp"

namespace clawdspace::init {

/// From /proc/PID/stat.
struct process_stat {
  int pid = 0;
  int parent = 0;
  char state = '?';
};

/// The name in it is the process's own choice and may hold spaces, parentheses and line ends: what counts is
/// the last
/// ')'. proc(5).
bool parse_stat(text bytes, process_stat& found);

/// From /proc/PID/status: real, effective, saved and file-system ids, in this order.
struct process_ids {
  uint32_t uids[4] = {};
  uint32_t gids[4] = {};
};

bool parse_status_ids(text bytes, process_ids& found);

/// The number behind `oom_kill` in cgroup v2's memory.events or v1's memory.oom_control.
bool parse_oom_kills(text bytes, uint64_t& kills);

/// A row of /proc/net/tcp, tcp6, udp or udp6.
struct socket_row {
  unsigned char address[16] = {}; // in network order
  size_t address_size = 0;        // 4 or 16
  uint16_t port = 0;
  uint8_t state = 0; // 10: listens; 7 of a datagram socket: has no peer
  uint32_t uid = 0;
  uint64_t inode = 0;
};
bool parse_socket_row(text row, socket_row& found);

/// A row of /proc/net/unix that is a stream socket which listens at an absolute path; such a path may hold
/// what looks like another row, and then its owner has lied about itself.
struct unix_row {
  text path;
  uint64_t inode = 0;
};
bool parse_unix_row(text row, unix_row& found);

/// The inode of `socket:[N]`, as a link below /proc/PID/fd has it.
bool parse_socket_link(text link, uint64_t& inode);

/// 8 or 32 hexadecimal digits. Returns 4 or 16, or 0 where it is no address.
size_t parse_address(text digits, unsigned char (&bytes)[16]);

/// Looks for the entry NAME=VALUE in an environment that comes in pieces, its entries ended by NUL.
class environment_search {
  text name_;
  text value_;
  size_t matched_ = 0;    // bytes of NAME=VALUE that the present entry begins with
  bool mismatch_ = false; // the present entry is another one

  char wanted(size_t i) const;
  size_t length() const { return name_.size() + 1 + value_.size(); }

 public:
  environment_search(text name, text value) : name_(name), value_(value) {}
  /// True once the entry has been seen whole, its NUL included.
  bool feed(text piece);
};

} // namespace clawdspace::init
