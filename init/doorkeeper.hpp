#pragma once

#include "commands.hpp"
#include "connector.hpp"
#include "link.hpp"
#include "oom.hpp"
#include "subreaper.hpp"

#include <poll.h>

namespace clawdspace::init {

/// PID 1's side of <clawdspace/door/protocol.hpp>: the connection, and the commands that came through it.
class doorkeeper {
  char* const* environment_;
  door_link link_;
  command_table commands_;
  connector connector_;
  pid_t helpers_[door::helper_limit] = {};
  oom_counter oom_;
  int news_ = -1;    // what subreapers say
  int nothing_ = -1; // the stdin of a command that has none
  size_t news_size_ = 0;
  uint32_t greeted_ = 0; // places that this greeting has been through
  frame_line answer_{""};
  bool answering_ = false; // `answer_` waits for room
  bool stopping_ = false;
  uint64_t due_ = UINT64_MAX; // when a command has to be looked at

  void send_again();
  void lose(uint64_t now);
  void greet();
  void read_frame(uint64_t now);
  bool obey(text frame, descriptor_list& with);
  bool welcome(frame_words words);
  void answer(const frame_line& frame);
  void flush();
  bool tell(command& c);

  bool spawn(text id, text frame, bool mapped, descriptor_list& with);
  bool spawn_large(text id, descriptor_list& with);
  bool start(command& c, text frame, bool mapped, const spawn_outline& outline, descriptor_list& with);
  bool has_room_for(size_t descriptors);
  void refuse(command& c, start_problem problem);

  bool send_signal(text id, frame_words words);
  bool resize(text id, frame_words words);
  void close_input(text id);
  void hang_up(text id);
  void end(text id);
  void forget(text id);

  bool connect(frame_words words, descriptor_list& with);
  bool list(frame_words words, descriptor_list& with);
  template <class Part> void help(int answer, Part part);

  void ask_end(command& c);
  void hunt(command& c);
  void look_after_due(uint64_t now);
  void read_news();
  void hear(const subreaper_message& message);
  void note_end(command& c);
  void settle(command& c);

 public:
  static constexpr size_t watched = 2 + connector::watched;

  explicit doorkeeper(char* const* environment) : environment_(environment) {}
  /// Once, before there is any other process.
  void open();

  /// Says what to wait for: `watched` descriptors.
  void watch(pollfd* fds) const;
  /// Until when poll may wait, in ms on the monotonic clock.
  uint64_t deadline() const;
  void serve(const pollfd* fds);

  /// A child of PID 1 has ended and was collected.
  void collected(pid_t pid);
  /// The space is ending: what is under way is told, and nothing is started.
  void stop() { stopping_ = true; }
};

} // namespace clawdspace::init
