#include "remove.hpp"

#include "cancel.hpp"
#include "conditions.hpp"
#include "entry.hpp"
#include "failure.hpp"
#include "folder.hpp"
#include "operations.hpp"
#include "paths.hpp"
#include "report.hpp"
#include "walk.hpp"

#include <fcntl.h>
#include <optional>
#include <unistd.h>

namespace clawdspace::files {
namespace {

/// Removes what the walk shows; whether it is gone. A folder is entered instead, and removed when it is left.
bool remove_step(walk& tree) {
  const auto at = tree.current();
  if (at.leaving) {
    if (unlinkat(at.folder, at.name.c_str(), AT_REMOVEDIR) != 0) throw failure_of(tree.whole_path());
    return true;
  }
  if (unlinkat(at.folder, at.name.c_str(), 0) == 0) return true;
  if (errno == ENOENT) return false;
  // Of a folder Linux says EISDIR, and POSIX EPERM.
  if (errno != EISDIR && errno != EPERM) throw failure_of(tree.whole_path());
  const auto number = errno;
  struct stat about;
  if (fstatat(at.folder, at.name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(about.st_mode))
    throw failure_of(tree.whole_path(), number);
  tree.enter();
  return false;
}

} // namespace

std::int64_t remove_tree(int folder, const std::string& name, const std::string& path) {
  if (unlinkat(folder, name.c_str(), 0) == 0) return 1;
  if (errno != EISDIR && errno != EPERM) throw failure_of(path);
  const auto number = errno;
  struct stat about;
  if (fstatat(folder, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0) throw failure_of(path);
  if (!S_ISDIR(about.st_mode)) throw failure_of(path, number);

  std::int64_t removed = 0;
  std::optional<failure> first;
  const auto note = [&first](failure why) {
    if (why.code == "canceled") throw why;
    if (!first) first = std::move(why);
  };
  try {
    walk tree(open_folder_at(folder, name, path), path);
    while (tree.next()) {
      try {
        removed += remove_step(tree) ? 1 : 0;
      } catch (const failure& why) {
        note(why);
      }
    }
  } catch (const failure& why) {
    note(why);
  }
  if (unlinkat(folder, name.c_str(), AT_REMOVEDIR) == 0) return removed + 1;
  if (!first) first = failure_of(path);
  first->extra = "\"removed\":" + std::to_string(removed);
  throw *first;
}

void remove_remains(int folder, const std::string& name) noexcept {
  forget_cancel();
  try {
    remove_tree(folder, name, name);
  } catch (const failure&) {
    // The failure that is on its way says what happened.
  }
}

void remove_file(const options& o, const std::string& path) {
  const auto where = find_place(path, false);
  const auto e = look(where.folder.value(), where.name, path);
  const auto etag = etag_of(e.about);
  if (judge_change({.if_match = o.if_match}, validators_of(e.about, etag)) == verdict::failed)
    throw failure{.code = "precondition",
                  .words = shown(path) + ": it is not what the request expects",
                  .extra = json_line().number("status", 412).words("etag", etag).fields()};
  const bool folder = S_ISDIR(e.about.st_mode);
  if (where.slash && !folder) throw failure_of(path, ENOTDIR);
  std::int64_t removed = 1;
  if (folder && o.recursive)
    removed = remove_tree(where.folder.value(), where.name, path);
  else if (unlinkat(where.folder.value(), where.name.c_str(), folder ? AT_REMOVEDIR : 0) != 0)
    throw failure_of(path);
  report(json_line().flag("ok", true).number("removed", removed));
}

} // namespace clawdspace::files
