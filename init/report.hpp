#pragma once

#include "text.hpp"
#include <clawdspace/door/init_report.hpp>

namespace clawdspace::init {

/// A report as it goes over the wire: see <clawdspace/door/init_report.hpp>.
using report = line<door::report_limit>;

/// Why a command did not start. It crosses a pipe from the child to its subreaper in one write.
struct start_problem {
  door::start_failure code = door::start_failure::not_executable;
  int error = 0; // errno, or 0
  unsigned short size = 0;
  char words[320] = {};

  text view() const { return {words, size < sizeof words ? size : sizeof words}; }
};

start_problem make_problem(door::start_failure code, int error, text words);

/// Frames a body. Bytes below 0x20 and 0x7f become '?'; what is too long is cut between UTF-8 characters.
report frame(text token, text body);

report frame_started(text token, int pid);
report frame_failed(text token, const start_problem& problem);

/// How the main process ended, as wait(2) told it.
struct ending {
  bool signaled = false;
  int number = 0; // exit code or signal
};

struct oom_growth {
  bool known = false;
  uint64_t kills = 0;
};

report frame_ended(text token, ending end, oom_growth oom, bool tree_gone);

} // namespace clawdspace::init
