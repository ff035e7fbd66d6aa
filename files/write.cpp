#include "conditions.hpp"
#include "entry.hpp"
#include "failure.hpp"
#include "new_file.hpp"
#include "operations.hpp"
#include "report.hpp"
#include "transfer.hpp"

#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

namespace clawdspace::files {
namespace {

mode_t umask_now() {
  const auto mask = umask(022);
  umask(mask);
  return mask;
}

/// What stands there, which has to be a file that may be written; nothing where nothing does.
std::optional<struct stat> replaceable(const place& where) {
  struct stat about;
  if (fstatat(where.folder.value(), where.name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) throw failure_of(where.path);
    if (where.slash) throw failure_of(where.path, EISDIR);
    return std::nullopt;
  }
  if (S_ISDIR(about.st_mode)) throw failure_of(where.path, EISDIR);
  if (!S_ISREG(about.st_mode)) throw failure_of(where.path, ENXIO);
  if (where.slash) throw failure_of(where.path, ENOTDIR);
  if (faccessat(where.folder.value(), where.name.c_str(), W_OK, AT_EACCESS) != 0)
    throw failure_of(where.path);
  return about;
}

void check_preconditions(const options& o, const place& where, const std::optional<struct stat>& old) {
  const auto etag = old ? etag_of(*old) : std::string();
  const validators now{.exists = old.has_value(), .etag = etag};
  if (judge_change({.if_match = o.if_match, .if_none_match = o.if_none_match}, now) != verdict::failed)
    return;
  json_line extra;
  extra.number("status", 412);
  if (old) extra.words("etag", etag);
  throw failure{.code = "precondition",
                .words = shown(where.path) + ": it is not what the request expects",
                .extra = extra.fields()};
}

/// Known to be too much at once, not after a gigabyte.
void reserve(const new_file& file, std::int64_t length, const std::string& path) {
  constexpr std::int64_t worth_it = 1 << 20;
  if (length < worth_it || fallocate(file.value(), FALLOC_FL_KEEP_SIZE, 0, length) == 0) return;
  if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG) throw failure_of(path);
  // A filesystem that cannot reserve shows it when it is written.
}

void set_owner_and_mode(const new_file& file, const options& o, const std::optional<struct stat>& old,
                        const std::string& path) {
  bool kept = true;
  if (old) {
    kept = fchown(file.value(), old->st_uid, old->st_gid) == 0;
    // A group that one is in may be kept where the owner may not.
    if (!kept && fchown(file.value(), static_cast<uid_t>(-1), old->st_gid) != 0 && errno != EPERM)
      throw failure_of(path);
  }
  auto mode = o.mode.value_or(old ? old->st_mode & 07777U : 0666U & ~umask_now());
  // What ran as its owner must not run as another.
  if (!kept && !o.mode) mode &= 0777U;
  if (fchmod(file.value(), mode) != 0) throw failure_of(path);
}

void check_length(const options& o, std::int64_t received, const std::string& path) {
  if (!o.length || received == *o.length) return;
  throw failure{.code = "incomplete",
                .words = shown(path) + ": the content ended after " + std::to_string(received) + " of " +
                         std::to_string(*o.length) + " bytes"};
}

} // namespace

void write_file(const options& o, const std::string& path) {
  const auto where = follow(find_place(path, o.parents));
  auto old = replaceable(where);
  check_preconditions(o, where, old);
  new_file file(where.folder.value(), path);
  if (o.length) reserve(file, *o.length, path);
  report(json_line().flag("ok", true).flag("created", !old));

  check_length(o, receive_file(STDIN_FILENO, file.value(), o.length, path), path);
  old = replaceable(where); // much can have happened since
  check_preconditions(o, where, old);
  set_owner_and_mode(file, o, old, path);
  entry e{.name = split(path).name};
  file.commit(where.name, o.if_none_match && *o.if_none_match == "*" ? new_file::existing::refused
                                                                     : new_file::existing::replaced);
  if (fstat(file.value(), &e.about) != 0) throw failure_of(path);
  json_line end;
  end.flag("ok", true).flag("created", !old);
  add_entry(end, e);
  report(end.words("etag", etag_of(e.about)));
}

} // namespace clawdspace::files
