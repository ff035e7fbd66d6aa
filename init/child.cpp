#include "child.hpp"

#include "accounts.hpp"
#include "descriptors.hpp"
#include "environment.hpp"
#include "files.hpp"
#include "privileges.hpp"
#include "program.hpp"
#include "report.hpp"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace clawdspace::init {
namespace {

using door::start_failure;

constexpr uint64_t child_oom_score = 500; // of 1000: commands go before init and the subreapers
constexpr int problems_fd = 3;
constexpr char shell_path[] = "/bin/sh";

start_problem* shared_problem = nullptr; // where our parent sees it, else problems_fd

[[noreturn]] void fail(const start_problem& problem) {
  if (shared_problem) {
    *shared_problem = problem;
    _exit(door::exit_not_started);
  }
  // Smaller than PIPE_BUF, so it is written whole or not at all; the reader is our own subreaper.
  while (write(problems_fd, &problem, sizeof problem) < 0 && errno == EINTR) {
  }
  _exit(door::exit_not_started);
}

[[noreturn]] void fail(start_failure code, int error, text what) {
  line<320> words;
  words << what;
  if (error != 0) words << ": " << strerror(error);
  fail(make_problem(code, error, words.view()));
}

[[noreturn]] void fail(start_failure code, int error, text before, text name, text behind = {}) {
  line<320> words;
  words << before << name.first(200) << behind;
  fail(code, error, words.view());
}

/// Leaves 0, 1, 2 and the way to report a problem, which becomes problems_fd.
void close_the_rest(int problems) {
  if (problems != problems_fd) dup2(problems, problems_fd);
  fcntl(problems_fd, F_SETFD, FD_CLOEXEC);
  close_descriptors(problems_fd + 1, ~0U);
}

void reset_signals() {
  struct sigaction by_default{};
  by_default.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number)
    sigaction(number, &by_default, nullptr); // KILL and STOP refuse
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// A session of its own without a terminal; with one, the foreground of the session that the subreaper leads,
/// so that Ctrl-C reaches the command alone. Signals are still blocked, so that SIGTTOU does not stop us.
void take_the_terminal(bool tty) {
  if (!tty) {
    setsid();
    return;
  }
  setpgid(0, 0);
  tcsetpgrp(STDIN_FILENO, getpid());
}

/// Only upwards: that needs no privilege, and what the Engine set higher was meant.
void raise_oom_score() {
  constexpr char path[] = "/proc/self/oom_score_adj";
  char bytes[16];
  const long size = read_some(AT_FDCWD, path, bytes, sizeof bytes);
  if (size < 0) return;
  text now(bytes, static_cast<size_t>(size));
  uint64_t score = 0;
  if (parse_number(now.take_until('\n'), 1000, score) && score >= child_oom_score) return;
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  line<16> wanted;
  wanted << child_oom_score;
  // Refused by a kernel with other ideas; then the command is killed no sooner than we are, which is a loss
  // but no lie.
  (void)!write(fd, wanted.view().data(), wanted.view().size());
  close(fd);
}

/// Makes /home/sandbox, owned by `who`, following no link. True when it is there.
bool make_home(const identity& who) {
  // A handle only: without DAC_OVERRIDE even uid 0 cannot read a folder that it has given away.
  constexpr int folder = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  if (mkdir("/home", 0755) != 0 && errno != EEXIST) return false;
  const int homes = open("/home", folder);
  if (homes < 0) return false;
  const bool made = mkdirat(homes, "sandbox", 0700) == 0 || errno == EEXIST;
  const int home = made ? openat(homes, "sandbox", folder) : -1;
  close(homes);
  if (home < 0) return false;
  // Of two commands that come at the same time either may find the other's folder not yet given away.
  struct stat about;
  const bool given = fstat(home, &about) == 0 &&
                     (about.st_uid != 0 || fchownat(home, "", who.uid, who.gid, AT_EMPTY_PATH) == 0);
  close(home);
  return given;
}

void enter(text directory) {
  if (chdir(directory.data()) != 0) fail(start_failure::no_such_directory, errno, directory.first(200));
}

/// As docker exec has it: what was asked for, else the image's. The home is where a login would start, and as
/// in a login one that is not there is / instead.
void enter_directory(const command_spec& spec, text home) {
  const bool asked = !spec.cwd.empty();
  const bool absolute = asked && spec.cwd[0] == '/';
  if (!absolute) {
    if (!spec.image_cwd.empty() && spec.image_cwd != "/")
      enter(spec.image_cwd);
    else if (chdir(home.data()) != 0)
      enter("/");
  }
  if (asked) enter(spec.cwd);
}

[[noreturn]] void fail_program(const program_problem& problem, bool shell) {
  if (shell) {
    line<320> words;
    words << "a shell text needs " << shell_path << ": " << problem.words;
    fail(make_problem(start_failure::no_shell, problem.error, words.view()));
  }
  fail(make_problem(problem.code, problem.error, problem.words));
}

/// `name` as passwd has it, then /bin/sh: not all that passwd names is there.
[[noreturn]] void run_login_shell(text name, const char* path, char* const* environment) {
  line<PATH_MAX> named;
  named << name.first(PATH_MAX - 1) << text("", 1);
  const char* const shells[] = {named.view().data(), shell_path};
  for (const char* shell : shells) {
    const text file = shell;
    const size_t slash = file.find_last('/');
    line<NAME_MAX + 3> shown;
    shown << "-" << (slash < file.size() ? file.after(slash + 1) : file).first(NAME_MAX) << text("", 1);
    char* const argv[] = {const_cast<char*>(shown.view().data()), nullptr};
    const program_problem problem = run_program(shell, path, argv, environment);
    if (problem.code == start_failure::process_limit) fail_program(problem, false);
    if (file == shell_path) {
      line<320> words;
      words << "a login needs a shell: " << problem.words;
      fail(make_problem(start_failure::no_shell, problem.error, words.view()));
    }
  }
  _exit(door::exit_not_started); // not reached: the last one is /bin/sh
}

/// A terminal is its user's, and with `mesg` its group's to write to.
void give_terminal(const identity& who) {
  if (fchmod(STDIN_FILENO, 0620) != 0 || fchown(STDIN_FILENO, who.uid, static_cast<gid_t>(-1)) != 0)
    fail(start_failure::not_allowed, errno, "cannot give the terminal to its user");
}

enum class terminal : unsigned char { none, of_engine, of_door };

[[noreturn]] void become(const command_spec& spec, char* const* inherited, arena& memory, terminal tty) {
  raise_oom_score();

  const text passwd = read_table(memory, "/etc/passwd");
  const text groups = read_table(memory, "/etc/group");
  identity who;
  text name;
  switch (choose_identity(spec.user, spec.image_user, passwd, groups, who, name)) {
  case lookup::no_user:
    fail(start_failure::no_such_user, 0, "the space has no user `", name, "`");
  case lookup::no_group:
    fail(start_failure::no_such_user, 0, "the space has no such group: `", name, "`");
  case lookup::found:
    break;
  }
  if (spec.strict && who.uid == 0)
    fail(start_failure::not_allowed, 0, "a strict space runs nothing as root: `", name, "` is uid 0");
  if (who.home_may_be_made && !make_home(who)) who.home = "/";
  if (tty == terminal::of_door) give_terminal(who);

  size_t group_count = 0;
  uint32_t* gids = nullptr;
  if (who.supplementary) {
    group_count = supplementary_groups(groups, who.name, nullptr, 0);
    gids = memory.array<uint32_t>(group_count);
    supplementary_groups(groups, who.name, gids, group_count);
  }
  identity root;
  const bool root_known = resolve_user("0", passwd, groups, root) == lookup::found;
  char** environment = command_environment(memory, inherited, spec, who, root_known ? root.home : text("/"));
  // passwd's own text is not NUL-terminated; HOME in the environment is, but may be another, chosen one.
  line<4096> home;
  home << who.home.first(4095) << text("", 1);

  if (spec.strict && !renounce_privileges())
    fail(start_failure::not_allowed, errno, "cannot give up capabilities");
  if (!init::become(who.uid, who.gid, gids, group_count))
    fail(start_failure::not_allowed, errno, "cannot become `", name, "`");
  if (who.uid != 0 && !clear_inheritable())
    fail(start_failure::not_allowed, errno, "cannot give up capabilities");

  enter_directory(spec, home.view().first(home.view().size() - 1));

  const char* path = find_variable(environment, "PATH");
  if (spec.login) run_login_shell(who.shell, path, environment);
  if (!spec.shell) fail_program(run_program(spec.argv[0], path, spec.argv, environment), false);
  char name_of_shell[] = "sh";
  char text_follows[] = "-c";
  char* const shell[] = {name_of_shell, text_follows, spec.argv[0], nullptr};
  fail_program(run_program(shell_path, path, shell, environment), true);
}

} // namespace

void become_command(const command_spec& spec, char* const* inherited, int problems) {
  take_the_terminal(spec.tty);
  reset_signals();
  umask(022);
  close_the_rest(problems);
  arena memory;
  become(spec, inherited, memory, spec.tty ? terminal::of_engine : terminal::none);
}

void become_door_command(const command_spec& spec, char* const* inherited, arena& memory,
                         start_problem& problem) {
  shared_problem = &problem;
  setsid();
  if (spec.tty && ioctl(STDIN_FILENO, TIOCSCTTY, 0) != 0)
    fail(start_failure::not_allowed, errno, "cannot take the terminal");
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  become(spec, inherited, memory, spec.tty ? terminal::of_door : terminal::none);
}

} // namespace clawdspace::init
