#pragma once

#include "report.hpp"
#include "text.hpp"
#include <clawdspace/door/protocol.hpp>

#include <stdint.h>
#include <sys/types.h>

namespace clawdspace::init {

// What the subreaper of a command that came through the door and PID 1 say to each other. PID 1 speaks with
// signals whose sender the kernel writes; a subreaper with messages on a pipe that nobody else has.

enum class news : unsigned char { started, failed, ended, gone };

/// Crosses the pipe in one write, and is less than PIPE_BUF. The words come only with `failed`.
struct subreaper_message {
  uint32_t command = 0; // its place with PID 1
  int32_t number = 0;   // started: the pid; ended: exit code or signal; failed: errno
  news what = news::started;
  bool signaled = false;      // ended
  bool gone = false;          // ended: nothing of the tree is left
  door::start_failure code{}; // failed
  unsigned short size = 0;    // of the words
  char words[sizeof start_problem::words] = {};

  size_t bytes() const { return offsetof(subreaper_message, words) + size; }
};

/// Where PID 1 keeps its end of the pipe, which subreapers get with fork; close-on-exec.
inline constexpr int news_fd = 3;

/// PID 1 sends it to have the tree ended. It may be sent again: the answer is `gone`.
inline constexpr int end_signal = 10; // SIGUSR1

/// The streams that a subreaper takes for its command's; with a terminal all are the same.
struct command_streams {
  int in;
  int out;
  int err;
};

/// What a member of the crew is given: a command's place with PID 1, as it stands in memory, and its `spawn`
/// frame, with three descriptors for its streams.
inline constexpr unsigned order_limit = sizeof(uint32_t) + door::frame_limit;

/// The whole life of a member of the crew, right after fork: takes orders until `orders` ends, one command
/// and its whole tree after the other.
[[noreturn]] void run_member(int orders, char* const* environment);

/// The whole life of a subreaper that is forked for one command: `words` is the `spawn` frame; where `mapped`
/// it is a mapping, which is let go of once the command runs. A command that ended leaves what it started in
/// the background alone; its subreaper stays until that is over too.
[[noreturn]] void run_subreaper(uint32_t command, text words, bool mapped, command_streams streams,
                                char* const* environment);

} // namespace clawdspace::init
