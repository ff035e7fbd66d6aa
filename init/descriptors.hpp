#pragma once

#include "text.hpp"
#include <clawdspace/door/protocol.hpp>

namespace clawdspace::init {

/// Descriptors that came with a frame, in order: whatever nobody has taken is closed with this.
class descriptor_list {
  int fds_[door::descriptor_limit];
  size_t size_ = 0;

 public:
  descriptor_list() = default;
  descriptor_list(const descriptor_list&) = delete;
  descriptor_list& operator=(const descriptor_list&) = delete;
  ~descriptor_list() { clear(); }

  size_t size() const { return size_; }
  void push(int fd) { fds_[size_++] = fd; }
  /// The first, which is then the caller's; -1 where there is none.
  int take();
  void clear();
};

void close_descriptor(int& fd); // and makes it -1

/// All that are open, from the first to the last.
void close_descriptors(unsigned first, unsigned last);

enum class transfer : unsigned char {
  done,
  later,   // when poll(2) says so
  crowded, // after a while: poll does not know when
  broken,
};

/// Takes one frame from a SEQPACKET socket without waiting. `broken`: the peer is gone, or it sent what does
/// not fit, or descriptors for which there was no room here.
transfer receive_frame(int socket, char* into, size_t room, text& frame, descriptor_list& with);

/// Sends one frame with descriptors, -1 among them being left out, without waiting.
transfer send_frame(int socket, text frame, const int* fds = nullptr, size_t count = 0);

} // namespace clawdspace::init
