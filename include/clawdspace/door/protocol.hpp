#pragma once

/// The door: what the daemon and `clawdspace-init`, PID 1 of a space, say to each other over the socket
/// through which commands enter.
///
/// **Socket.** The daemon listens on a unix SOCK_SEQPACKET socket `door` in the space's folder, which is
/// mounted read-only at /.clawdspace; init connects, and connects again when the connection is lost
/// (every 200 ms, after 10 s every second). The daemon serves the connection whose SO_PEERCRED pid is the
/// container's State.Pid, and no other.
///
/// **Frames.** One message is one frame: a list of words, each ended by a NUL, at most frame_limit bytes
/// in all. The first word is the verb, the second, but for `hello`, `ready` and `welcome`, a command's
/// id. Numbers are decimal. Descriptors travel with the frame that names them (SCM_RIGHTS), at most
/// descriptor_limit. A frame that is not of this form ends the connection. A verb that is not known is
/// passed over, so that either side may learn new ones within a version.
///
/// **Greeting.** Init: `hello VERSION LIFE`, LIFE being random and the same for as long as this init
/// lives. Then one `command` for each that it knows, then `ready`. The daemon answers `welcome VERSION`
/// when it has all of these, and sends nothing before. The version in force is the lower of the two.
///
/// **From the daemon**
///
///   - `spawn ID OPTIONS… -- ARGV…`: runs a command. The options are those of `init exec`
///     (init_report.hpp) and `--set=NAME=VALUE` (a variable of the request's own), `--input`,
///     `--outlive`, `--login`, and `--rows=N` and `--columns=N` of a terminal. With --login there is no
///     ARGV: it is the user's login shell. Descriptors, in this order: with --input the reading end of
///     its stdin; but for --tty the writing ends of stdout and stderr; with --outlive the other ends of
///     these in the same order, to be kept, and last the history (a memfd), which init keeps and never
///     looks at. Without --input its stdin is /dev/null. With --tty its streams are a pty of the space's
///     own devpts, made by init and given to the user.
///   - `spawn-large ID`: the same, but the words, from `spawn` on, are in a sealed memfd that comes
///     before the other descriptors: for a command that does not fit into a frame.
///   - `signal ID NUMBER`: to the main process, if it still runs. `signal ID NUMBER tree`: to all of its
///     tree.
///   - `resize ID ROWS COLUMNS`
///   - `close-input ID`: lets go of the kept writing end of stdin. Answered by `input-closed ID`.
///   - `hang-up ID`: lets go of the kept pty master, as closing a window would. Answered by `hung-up ID`.
///   - `end ID`: kills the whole tree. Answered, once nothing of it is left, by `ended … gone=` or
///     `gone`.
///   - `forget ID`: init lets go of all that it keeps of a command that has ended. Unanswered.
///   - `connect ID tcp ADDRESS PORT` (version 2): makes a TCP connection from inside the space's network.
///     ADDRESS is 8 or 32 hexadecimal digits in network order. One descriptor: a SOCK_SEQPACKET socket that
///     takes the answer, one frame. `connected` with one descriptor, the connection, of which init keeps
///     nothing; or `refused ERRNO`. No answer and the end: it is not known.
///   - `connect ID unix PATH PROFILE IMAGE_USER` (version 2): the same to a unix stream socket, connected as
///     the space's default user, PROFILE being `strict` or `standard`. What is handed out is one end of a
///     pair, and a child of init's carries bytes between the other end and the path's: descriptors that a
///     space sends along never reach the daemon, which could not even close all of them without waiting.
///   - `listeners ID [names]` (version 2): what listens. One descriptor as above. Each is a frame
///     `listens KIND WHERE PORT UID INODE PID NAME`: KIND tcp or udp, WHERE hexadecimal as above; or KIND
///     unix, WHERE its absolute path, PORT and UID 0. PID is 0 and NAME empty where they are not known or
///     not asked for. Then `all`, or `some` where there are more than listening_limit.
///
/// **From init**
///
///   - `command ID STATE…`: one that outlives connections, or whose ending was not forgotten, at the
///     greeting. STATE is `running PID` (0: its program does not run yet, and `started` or `failed`
///     follows) or the words of `ended` from its third on. Descriptors, those that there are: the writing
///     end of stdin, the reading ends of stdout and stderr, or the pty's master; then the history. Which,
///     is said by a last word `fds=` with the letters i, o, e, t, h in this order.
///   - `started ID PID`: its program runs. With --tty, one descriptor: the pty's master.
///   - `failed ID CODE ERRNO WORDS`: it never ran; CODE as in init_report.hpp. The last word on it.
///   - `ended ID exited|signaled|lost N oom=K`: the main process ended; K is how often the space's
///     out-of-memory killer killed while it ran, or `?`. `lost 0`: its subreaper was killed before it. A
///     further word `gone=confirmed` or `gone=unconfirmed` where nothing is left of its tree, or nobody
///     can know that.
///   - `gone ID confirmed|unconfirmed`: the same, later than `ended`: what it had left in the background
///     is over. `unconfirmed` where its subreaper was killed.
///   - `input-closed ID`, `hung-up ID`
///
/// What runs without --outlive ends, tree and all, orphan_grace_ms after the connection was lost; its
/// ending is still told at the next greeting. Of endings that were not forgotten init keeps the last
/// ending_limit.
///
/// This header is shared with a program that has no C++ library: constants only.

#include <clawdspace/door/init_report.hpp>

namespace clawdspace::door {

inline constexpr unsigned door_version = 2;
inline constexpr unsigned ports_version = 2; // from which on ports are spoken of

/// Options of `spawn` beside those of `init exec`.
inline constexpr char option_set[] = "--set="; // NAME=VALUE; may be repeated
inline constexpr char option_input[] = "--input";
inline constexpr char option_outlive[] = "--outlive"; // goes on without a door, descriptors and all
inline constexpr char option_login[] = "--login";
inline constexpr char option_rows[] = "--rows=";
inline constexpr char option_columns[] = "--columns=";

inline constexpr char socket_name[] = "door";              // in the space's folder
inline constexpr char socket_path[] = "/.clawdspace/door"; // as a space sees it

inline constexpr unsigned frame_limit = 32 * 1024; // bytes
inline constexpr unsigned spawn_limit = 2 << 20;   // bytes of words in a memfd
inline constexpr unsigned descriptor_limit = 8;    // with one frame
inline constexpr unsigned command_limit = 4096;    // that init keeps of at once, running or ended
inline constexpr unsigned ending_limit = 256;      // that init keeps until they are forgotten
inline constexpr unsigned connecting_limit = 32;   // TCP connections that init has begun
inline constexpr unsigned helper_limit = 256;  // children of init that carry a unix socket's bytes, or list
inline constexpr unsigned connect_ms = 10'000; // from `connect` to its answer
inline constexpr unsigned listening_limit = 1024;  // frames `listens`
inline constexpr unsigned retry_ms = 200;          // between attempts to connect
inline constexpr unsigned patient_retry_ms = 1000; // the same, after patience_ms
inline constexpr unsigned patience_ms = 10'000;
inline constexpr unsigned orphan_grace_ms =
    10'000; // from the loss of the door to the end of what does not outlive it

} // namespace clawdspace::door
