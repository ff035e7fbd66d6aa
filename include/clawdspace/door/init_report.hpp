#pragma once

/// What the daemon and `clawdspace-init` say to each other when a command enters a space through the Engine's
/// exec.
///
/// The daemon starts `init exec ID OPTIONS -- ARGV…` as uid 0 with CLAWDSPACE_TOKEN=TOKEN in its environment.
/// That process, the command's subreaper, reports on fd 2 of the exec (with --tty: fd 1, the one stream there
/// is):
///
///     0x00 TOKEN ':' BODY 0x00
///
/// A report is one write of at most report_limit bytes, so on a pipe it is never torn, but it stands anywhere
/// between the bytes of the command. BODY has no byte below 0x20. The token is known to nobody in the space:
/// bytes that only look like a report are the command's own. Bodies:
///
///   - `started PID`: the program runs, with this pid in the space; may come after its first bytes
///   - `failed CODE ERRNO WORDS…`: it never ran and nothing else follows; CODE is one of start_failures
///   - `ended exited CODE oom=K` or `ended signaled SIGNAL oom=K`: the main process ended; K is how often the
///     space's out-of-memory killer killed while it ran, or `?` where no counter can be read
///   - `ended … tree=gone`: the same, and the tree was ended on request (SIGTERM): nothing of it is left
///
/// An `ended` without a `started` does not occur, but a tree that was ended between fork and exec is reported
/// as started and killed. No `failed` and no `ended` before the stream's end means that the subreaper itself
/// was killed: nobody knows.
///
/// `init kill ID` ends what `init exec ID` started. Its last line on stdout is one of:
///
///   - `gone confirmed`: the subreaper was there and ended its whole tree
///   - `gone unconfirmed`: no subreaper was there to ask, or it died; whatever bore the mark was killed
///   - `left N`: after kill_limit_ms, N processes are still there
///
/// A `kill` that comes before its `init exec` has got into the space finds nothing and says `gone
/// unconfirmed`: ask again until the exec's stream ends.
///
/// This header is shared with a program that has no C++ library: constants only.
namespace clawdspace::door {

inline constexpr unsigned report_limit = 512; // bytes; at most PIPE_BUF, which POSIX lets be as small as this
inline constexpr char report_edge = '\0';     // before the token and after the body
inline constexpr char report_colon = ':';     // after the token

inline constexpr char report_started[] = "started";
inline constexpr char report_failed[] = "failed";
inline constexpr char report_ended[] = "ended";
inline constexpr char report_exited[] = "exited";
inline constexpr char report_signaled[] = "signaled";
inline constexpr char report_oom[] = "oom=";
inline constexpr char report_unknown[] = "?";
inline constexpr char report_tree_gone[] = "tree=gone";

inline constexpr unsigned token_limit = 64; // letters and digits
inline constexpr unsigned id_limit = 64;    // letters, digits, '-' (not first) and '_'

/// In the environment of `init exec`; never in that of the command.
inline constexpr char token_variable[] = "CLAWDSPACE_TOKEN";
/// In the environment of the command and so of all that it starts: the mark, whose value is the id.
inline constexpr char mark_variable[] = "CLAWDSPACE_EXEC_ID";

inline constexpr char verb_exec[] = "exec";
inline constexpr char verb_kill[] = "kill";

/// Options of `init exec`; those that end in '=' take a value. `--` ends them, then comes the command.
inline constexpr char option_user[] = "--user=";             // asked for: name, uid, name:group, uid:gid …
inline constexpr char option_image_user[] = "--image-user="; // the image's USER: counts unless it is uid 0
inline constexpr char option_cwd[] = "--cwd=";             // asked for; a relative one starts at the default
inline constexpr char option_image_cwd[] = "--image-cwd="; // the image's WORKDIR: counts unless it is /
inline constexpr char option_keep[] = "--keep=";           // a variable that the request set; may be repeated
inline constexpr char option_strict[] = "--strict";        // never uid 0, no capability, no new privileges
inline constexpr char option_tty[] = "--tty";              // the exec has a terminal
inline constexpr char option_shell[] = "--shell";          // ARGV is one text for /bin/sh -c

inline constexpr char kill_confirmed[] = "gone confirmed";
inline constexpr char kill_unconfirmed[] = "gone unconfirmed";
inline constexpr char kill_left[] = "left";
inline constexpr unsigned kill_limit_ms = 5000;

/// Exit codes of `init` itself where it is not the command's own.
inline constexpr int exit_usage = 2;
inline constexpr int exit_not_started = 125; // a `failed` report says why

/// Why a command never ran. The values index start_failures.
enum class start_failure : unsigned char {
  program_not_found,
  not_executable,
  no_such_directory,
  no_such_user,
  no_shell,
  process_limit,
  pty_limit,
  not_allowed,
};

/// As they stand in a `failed` report and in the API.
inline constexpr const char* start_failures[] = {
    "program_not_found", "not_executable", "no_such_directory", "no_such_user",
    "no_shell",          "process_limit",  "pty_limit",         "not_allowed",
};

} // namespace clawdspace::door
