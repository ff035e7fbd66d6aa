#pragma once

#include "text.hpp"
#include <clawdspace/door/init_report.hpp>

namespace clawdspace::init {

struct program_problem {
  door::start_failure code;
  int error;
  text words; // static storage
};

/// Runs a program as execvp(3) finds it: a name without a slash in the folders of `path`, an empty one of
/// which is the working directory. Returns only when nothing could be run, and says why. There is no
/// fall-back to a shell for a script without a #! line.
program_problem run_program(const char* name, const char* path, char* const* argv, char* const* environment);

} // namespace clawdspace::init
