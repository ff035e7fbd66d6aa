/// clawdspace-init, the first process of every space, and what the Engine's exec starts to bring a command in
/// or to end one. It needs nothing from the image that it runs in.

#include "arena.hpp"
#include "command.hpp"
#include "environment.hpp"
#include "kill.hpp"
#include "options.hpp"
#include "reaper.hpp"
#include "say.hpp"
#include <clawdspace/door/init_report.hpp>

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace {

using namespace clawdspace;
using init::text;

constexpr char usage[] = "clawdspace-init " CLAWDSPACE_VERSION R"(
The first process of a space, and the way of commands into it.

  clawdspace-init                            as PID 1: reaps orphans, opens the door, ends the space on SIGTERM
  clawdspace-init exec ID [OPTION]… -- ARGV… runs a command as its subreaper (CLAWDSPACE_TOKEN signs the reports)
  clawdspace-init kill ID                    ends that command and all that it started
  clawdspace-init --version | --help

Options of exec:
  --user=U --image-user=U    who runs it: asked for, and as the image has it
  --cwd=D --image-cwd=D      where: asked for, and as the image has it
  --keep=NAME                a variable that the request set (repeat it)
  --strict                   never uid 0, no capability, no new privileges
  --tty                      there is a terminal
  --shell                    ARGV is one text for /bin/sh -c)";

/// Copies what a name of ours is visible to all in the space by, and wipes the original: `ps` shows the verb
/// and the id.
char** hide_arguments(init::arena& memory, int argc, char** argv) {
  constexpr int shown = 3;
  char** copy = memory.array<char*>(static_cast<size_t>(argc) + 1);
  for (int i = 0; i < argc; ++i) {
    const size_t size = strlen(argv[i]);
    copy[i] = memory.array<char>(size + 1);
    memcpy(copy[i], argv[i], size);
    if (i >= shown) explicit_bzero(argv[i], size);
  }
  return copy;
}

[[noreturn]] void refuse(const char* problem, text culprit) {
  init::line<512> words;
  words << problem;
  if (!culprit.empty()) words << " `" << culprit.first(200) << "`";
  words << " (--help says more)";
  init::die(door::exit_usage, words.view());
}

void require_root() {
  if (geteuid() != 0) init::die(door::exit_usage, "this is for uid 0 in a space");
}

int exec_main(int argc, char** argv, char** environment) {
  require_root();
  init::arena memory;
  char** arguments = hide_arguments(memory, argc, argv);
  init::command_spec spec;
  text culprit;
  if (const char* problem = init::parse_command(arguments + 2, spec, culprit)) refuse(problem, culprit);

  const char* signature = init::find_variable(environment, door::token_variable);
  const text given = signature ? text(signature) : text();
  if (!init::is_token(given)) refuse("no usable token in", door::token_variable);
  char* token = memory.array<char>(given.size());
  memcpy(token, given.data(), given.size());
  explicit_bzero(const_cast<char*>(given.data()), given.size());

  // A folder of the space must not be held by us.
  if (chdir("/") != 0) init::die(door::exit_usage, "cannot enter /");
  init::report_channel channel(spec.tty ? STDOUT_FILENO : STDERR_FILENO);
  return init::run_command(spec, {token, given.size()}, environment, channel);
}

int kill_main(char** argv) {
  require_root();
  const text id = argv[2] ? text(argv[2]) : text();
  if (!init::is_id(id)) refuse("kill takes an id, not", id);
  if (argv[3]) refuse("kill takes an id and no more:", argv[3]);
  return init::kill_command(id);
}

int space_main(char** environment) {
  if (getpid() != 1) refuse("without a verb this is for PID 1 of a space", {});
  init::run_space(environment);
  return 0;
}

} // namespace

int main(int argc, char** argv, char** environment) {
  // Nobody in the space reads our memory or our environment, or traces us.
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (argc < 2) return space_main(environment);
  const text verb = argv[1];
  if (verb == door::verb_exec) return exec_main(argc, argv, environment);
  if (verb == door::verb_kill) return kill_main(argv);
  if (verb == "--version") {
    init::say(STDOUT_FILENO, "clawdspace-init " CLAWDSPACE_VERSION);
    return 0;
  }
  if (verb == "--help") {
    init::say(STDOUT_FILENO, usage);
    return 0;
  }
  refuse("no such verb:", verb);
}
