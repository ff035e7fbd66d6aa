#pragma once

/// What the daemon and `clawdspace-files`, the program that moves files in a space, say to each other.
///
///     /.clawdspace/files OP [--option[=value]…] -- PATH [TO]
///
/// It is an ordinary command: the daemon starts it through the door, as the user whose rights are meant. It
/// holds nothing over the user, so a link leads only where that user may go.
///
/// **Paths** are raw bytes, absolute, or begin with `~` or `~/`, which is $HOME. `..` and links are the
/// kernel's business. A last component `.` or `..` is `invalid` for what makes or removes a name.
///
/// **Streams.** The payload comes in on stdin and goes out on stdout. On stderr are JSON objects, one a line,
/// UTF-8, at most line_limit bytes with the line's end: the *head*; then, for `read` that sends bytes,
/// `list`, `pack`, `write` and `unpack`, the *end*. A head with `"ok":false` is the only line; an end with
/// `"ok":false` says that the payload is not whole (or that nothing was written). The exit status is 0 when
/// the last line says ok, else 1; 2 with words that are no JSON when it was called wrongly. No last line and
/// another status: it was killed, or the space's memory was out. SIGTERM, SIGINT and SIGHUP end it with
/// nothing half-made left behind, with the code `canceled`.
///
/// **Refusals**: `{"ok":false,"code":C,"error":"words with the path","errno":"ENOENT"?}`, C being one of
///
///   - not_found, not_a_folder, is_a_folder, not_a_file (a fifo, a socket, a device), exists, not_empty,
///     busy (a mount point, a running program), too_many_links (a loop), name_too_long, not_allowed,
///     read_only, no_space (the quota as well), too_large (for the filesystem or the file-size limit)
///   - invalid: the path, or an operation on a folder within itself
///   - precondition: an If-Match, If-None-Match or If-Unmodified-Since says no (`"status":412`)
///   - range: the range lies outside the file; with `"size"`
///   - changed: the file shrank while it was read, or was replaced meanwhile
///   - incomplete: stdin ended before --length
///   - bad_archive, outside (an entry that would lead out of the folder)
///   - watch_limit: the host's inotify instances or watches are used up
///   - canceled, failed (anything else: see errno)
///
/// **Entry**, the fields that stand for a file:
///
///     {"name":"a.txt","nameEncoded"?:"…","type":"file|folder|symlink|fifo|socket|block|char","size":123,
///      "mode":"0644","uid":1001,"gid":1001,"owner"?:"sandbox","group"?:"sandbox","mtimeMs":1732…,
///      "target"?:"of a symlink","targetEncoded"?:"…"}
///
/// `owner` and `group` stand where the space's /etc/passwd and /etc/group know them. A text whose bytes are
/// not UTF-8 has U+FFFD in their place, and then there is beside it, with the suffix `Encoded`, the whole of
/// it with every byte percent-encoded that is not one of RFC 3986's unreserved: it can go into a URL as it
/// is. The name of `/` is `/`. `mtimeMs` is rounded down, and negative before 1970.
///
/// **etag** is `"INO-SIZE-MTIME"` in hex, MTIME in nanoseconds, with HTTP's quotes: strong.
///
/// ## Operations
///
/// **read**: a file's bytes. Links are followed. Options: --head (no bytes and no end line); --first=N with
/// or without --last=N, or --suffix=N (one range; N in bytes, --last is inclusive); --if-match=,
/// --if-none-match= (the header's value), --if-modified-since=,
/// --if-unmodified-since= (seconds since 1970), --if-range= (an etag, or seconds). Their order and meaning
/// are RFC 9110's, section 13.2.2. Head:
///
///     {"ok":true,"kind":"file", …entry, "etag":"…","sized":true,"send":"whole"|"part"|"none",
///      "offset":0,"length":123,"status":200|206|304}
///
/// and then exactly `length` bytes. With `"send":"none"` (304) nothing follows, the end neither. `sized` is
/// false for files of /proc and the like, whose size nobody knows before the end: then there is no `offset`
/// and `length`, ranges are passed over, and the bytes go on until stdout's end. What is refused with 412 or
/// 416 has the entry's `"etag"` too. End: `{"ok":true,"bytes":N}`. A folder:
/// `{"ok":true,"kind":"folder", …entry,"etag":"…"}`, and nothing more.
///
/// **stat**: head only, `{"ok":true, …entry,"etag":"…"}`. Of a link itself, but for --follow.
///
/// **list**: a page of a folder, sorted by the names' bytes. --after=NAME (raw), --limit=N (default
/// list_limit_default, at most list_limit). Head `{"ok":true,"kind":"folder", …entry,"etag","count":N,
/// "total":N,"more":bool,"next"?:"…"}`; `count` lines follow on stdout, each an entry; `total` is how many
/// names the folder has; `next` stands when there is more and is what --after takes for the next page,
/// percent-encoded always. End: `{"ok":true}`.
///
/// **write**: stdin becomes the file. --mode=OCTAL, --parents (makes missing folders), --length=N,
/// --if-match=, --if-none-match=. A link is followed, and its target replaced. It is written where nobody
/// sees it, in the same folder, then moved over the name. A file that is replaced hands on its mode (but for
/// --mode) and, where that is allowed, its owner; a new one has mode 0666 less the umask. One that the user
/// may not write is not replaced. Head, as soon as nothing is known against it and before stdin is read:
/// `{"ok":true,"created":bool}`: the moment for `100 Continue`. End, when the name is in place:
/// `{"ok":true,"created":bool, …entry,"etag":"…"}`. With --length, fewer bytes are `incomplete` and leave
/// no trace, and no byte beyond is read; without it the end of stdin is the end of the file, so that a daemon
/// whose client left must end the command *before* it closes the pipe.
///
/// **remove**: --recursive (a folder with all in it; links are removed, not followed), --if-match=. Head
/// `{"ok":true,"removed":N}`. A recursive one goes on past what it may not remove, as rm does; the refusal
/// then names the first of these and has `"removed":N`, too.
///
/// **mkdir**: --mode=OCTAL (of the last folder), --parents (then one that is there is fine). Head
/// `{"ok":true,"created":bool, …entry,"etag"}`.
///
/// **rename**, **copy**: PATH to TO. --replace (else what stands at TO is `exists`; a folder is replaced by
/// rename when it is empty, and never by copy), --parents (of TO). Links are moved and copied themselves. A
/// rename across filesystems (or out of the image's layer) is a copy and a
/// removal: what cannot be removed is refused then, and stands in both places. A copy keeps modes,
/// times, hard links and holes, and owners where that is allowed; it is built under a hidden name and then
/// renamed. Head `{"ok":true, …entry of TO,"etag","warnings"?}`.
///
/// **chmod**: --mode=OCTAL; follows links. **symlink**: PATH becomes a link with the text TO; --replace,
/// --parents. Head as of stat.
///
/// **pack**: a pax archive of a folder (names relative to it, itself as `./`), or of one file, on stdout.
/// Head `{"ok":true,"kind":"folder"|"file", …entry}`. What vanishes meanwhile is left out without a word,
/// what may not be read and sockets with one, and a file that shrinks is filled up with zeros. What lies in
/// /proc, /sys and their like below the folder is left out. End:
/// `{"ok":true,"entries":N,"warnings"?:["…", at most warning_limit],"warningCount"?:N}`.
///
/// **unpack**: a tar archive (pax, GNU, ustar, v7), plain or gzip, from stdin into the folder PATH. --parents
/// makes it, --length=N as with write. Names with a leading `/`, with `..`, or through a link, and hard links
/// to such, are refused as `outside` where they come; what came before them stays. Modes and times are kept,
/// owners where allowed (by name where the space knows it). What is there is replaced, each file whole; the
/// mode of PATH itself is kept when it was there. Head `{"ok":true,"created":bool}` before stdin is read. End
/// `{"ok":true,"entries":N,"bytes":N,"warnings"?,"warningCount"?}`.
///
/// **watch**: takes no path. One program, with one inotify instance, serves all watchers of a space that are
/// of one user. Head `{"ok":true}`, or `watch_limit`. Then stdin takes commands of NUL-ended words:
///
///     add NUL ID NUL plain|recursive NUL PATH NUL          remove NUL ID NUL
///
/// IDs are the daemon's: 1 to 32 of [A-Za-z0-9_-]. On stdout come JSON lines:
///
///     {"id":"7","ok":true, …entry,"etag":"…"}              added: from here on nothing is missed
///     {"id":"7","ok":false,"code":"…","error":"…"}         not added
///     {"id":"7","type":"created|modified|deleted","path":"a/b","pathEncoded"?:"…","folder"?:true}
///     {"id":"7","type":"moved","path":"new","from":"old","fromEncoded"?:"…","folder"?:true}
///     {"id":"7","type":"overflow"}                         changes were missed: look for yourself
///     {"id":"7","type":"ended","code":"not_found|watch_limit|…","error":"…"}     the folder is gone, or
///                                                          the tree outgrew the watches; `removed` when
///                                                          asked
///
/// Paths are relative to PATH. What appears in a new folder of a recursive watch is told once. It ends when
/// stdin ends or stdout's reader is gone. As it waits for a reader of stdout, events then being kept by the
/// kernel until they overflow, the daemon has to read always, and to drop (as an overflow) for those of its
/// own clients that are slow.
namespace clawdspace::files {

/// Where the space has the program.
inline constexpr char program_path[] = "/.clawdspace/files";

inline constexpr unsigned line_limit = 64U * 1024;
inline constexpr unsigned list_limit_default = 1000;
inline constexpr unsigned list_limit = 10000;
inline constexpr unsigned warning_limit = 50;
inline constexpr unsigned watch_id_limit = 32;

inline constexpr int exit_ok = 0;
inline constexpr int exit_refused = 1;
inline constexpr int exit_usage = 2;

inline constexpr char op_read[] = "read";
inline constexpr char op_stat[] = "stat";
inline constexpr char op_list[] = "list";
inline constexpr char op_write[] = "write";
inline constexpr char op_remove[] = "remove";
inline constexpr char op_mkdir[] = "mkdir";
inline constexpr char op_rename[] = "rename";
inline constexpr char op_copy[] = "copy";
inline constexpr char op_chmod[] = "chmod";
inline constexpr char op_symlink[] = "symlink";
inline constexpr char op_pack[] = "pack";
inline constexpr char op_unpack[] = "unpack";
inline constexpr char op_watch[] = "watch";

inline constexpr char option_head[] = "--head";
inline constexpr char option_first[] = "--first=";
inline constexpr char option_last[] = "--last=";
inline constexpr char option_suffix[] = "--suffix=";
inline constexpr char option_if_match[] = "--if-match=";
inline constexpr char option_if_none_match[] = "--if-none-match=";
inline constexpr char option_if_modified_since[] = "--if-modified-since=";
inline constexpr char option_if_unmodified_since[] = "--if-unmodified-since=";
inline constexpr char option_if_range[] = "--if-range=";
inline constexpr char option_follow[] = "--follow";
inline constexpr char option_after[] = "--after=";
inline constexpr char option_limit[] = "--limit=";
inline constexpr char option_mode[] = "--mode=";
inline constexpr char option_parents[] = "--parents";
inline constexpr char option_length[] = "--length=";
inline constexpr char option_recursive[] = "--recursive";
inline constexpr char option_replace[] = "--replace";

inline constexpr char watch_add[] = "add";
inline constexpr char watch_remove[] = "remove";
inline constexpr char watch_plain[] = "plain";
inline constexpr char watch_recursive[] = "recursive";

} // namespace clawdspace::files
