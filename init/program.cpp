#include "program.hpp"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

namespace clawdspace::init {
namespace {

using door::start_failure;

using sentence = line<320>;

program_problem problem(start_failure code, int error, sentence& words) {
  static sentence kept;
  kept = words;
  return {code, error, kept.view()};
}

/// What execve's errno means for a file that was named or found.
program_problem explain(const char* path, int error) {
  const text shown = text(path).first(200);
  struct stat about;
  const bool there = stat(path, &about) == 0;
  sentence words;
  switch (error) {
  case ENOENT:
  case ENOTDIR:
    if (there) {
      words << shown
            << " needs an interpreter (its #! line or its dynamic loader) that the space does not have";
      return problem(start_failure::program_not_found, error, words);
    }
    break;
  case EAGAIN:
  case ENOMEM:
    words << "cannot run " << shown << ": " << strerror(error);
    return problem(start_failure::process_limit, error, words);
  case EACCES:
    if (there && S_ISDIR(about.st_mode)) {
      words << shown << " is a directory";
      return problem(start_failure::not_executable, error, words);
    }
    break;
  case ENOEXEC:
    words << shown << " is neither a program for this machine nor a script with a #! line";
    return problem(start_failure::not_executable, error, words);
  default:
    break;
  }
  words << shown << ": " << strerror(error);
  const bool absent = error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENAMETOOLONG;
  return problem(absent ? start_failure::program_not_found : start_failure::not_executable, error, words);
}

} // namespace

program_problem run_program(const char* name, const char* path, char* const* argv, char* const* environment) {
  const text wanted = name;
  if (wanted.find('/') != wanted.size() || wanted.empty()) {
    execve(name, argv, environment);
    if (wanted.empty()) {
      sentence words;
      words << "the program's name is empty";
      return problem(start_failure::program_not_found, ENOENT, words);
    }
    return explain(name, errno);
  }

  static char candidate[PATH_MAX];
  static char refused[PATH_MAX]; // the first that was there but could not be run
  int refusal = 0;
  for (text folders = path, more = "+"; !more.empty();) {
    more = folders.find(':') < folders.size() ? text("+") : text();
    const text folder = folders.take_until(':');
    if (folder.size() + 1 + wanted.size() >= sizeof candidate) continue;
    line<PATH_MAX> joined;
    joined << folder << (folder.empty() ? "" : "/") << wanted << text("", 1);
    memcpy(candidate, joined.view().data(), joined.view().size());
    execve(candidate, argv, environment);
    const int error = errno;
    struct stat about;
    const bool there = stat(candidate, &about) == 0;
    const bool passed_over = !there || S_ISDIR(about.st_mode) || error == ESTALE || error == ENODEV;
    if (passed_over) continue;
    if (refusal == 0) {
      refusal = error;
      memcpy(refused, candidate, joined.view().size());
    }
    // A file that may not be run, or whose interpreter is missing, hides none that comes later.
    if (error != EACCES && error != ENOENT && error != ENOTDIR) return explain(candidate, error);
  }
  if (refusal != 0) return explain(refused, refusal);
  sentence words;
  words << "no program `" << wanted.first(200) << "` in PATH";
  return problem(start_failure::program_not_found, ENOENT, words);
}

} // namespace clawdspace::init
