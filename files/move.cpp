#include "copy_tree.hpp"
#include "entry.hpp"
#include "failure.hpp"
#include "new_file.hpp"
#include "operations.hpp"
#include "paths.hpp"
#include "remove.hpp"
#include "report.hpp"

#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace clawdspace::files {
namespace {

/// Whether the folder is the one at `name` in `above`, or lies below it.
bool is_within(int folder, const struct stat& outer, const std::string& path) {
  unique_fd at(openat(folder, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat last = {};
  for (;;) {
    struct stat here;
    if (!at || fstat(at.value(), &here) != 0) throw failure_of(path);
    if (here.st_dev == outer.st_dev && here.st_ino == outer.st_ino) return true;
    if (here.st_dev == last.st_dev && here.st_ino == last.st_ino) return false; // the root
    last = here;
    at.reset(openat(at.value(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
}

void check_free(const place& target, bool replace, bool source_is_folder) {
  struct stat there;
  if (fstatat(target.folder.value(), target.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) throw failure_of(target.path);
    if (target.slash && !source_is_folder) throw failure_of(target.path, ENOTDIR);
    return;
  }
  if (!replace) throw failure_of(target.path, EEXIST);
  if (S_ISDIR(there.st_mode)) throw failure_of(target.path, EISDIR);
  if (source_is_folder) throw failure_of(target.path, ENOTDIR);
}

/// Copies to a hidden name beside the target, and gives it its name.
void copy_into_place(const place& source, const place& target, bool replace, const struct stat& about,
                     warnings& notes) {
  const bool folder = S_ISDIR(about.st_mode);
  if (folder && is_within(target.folder.value(), about, source.path))
    throw failure{.code = "invalid", .words = shown(target.path) + ": lies within " + shown(source.path)};
  check_free(target, replace, folder);
  const auto hidden = hidden_name();
  copy_tree(source.folder.value(), source.name, target.folder.value(), hidden, source.path, notes);
  try {
    take_name(target.folder.value(), hidden, target.name,
              replace ? new_file::existing::replaced : new_file::existing::refused, target.path);
  } catch (const failure&) {
    remove_remains(target.folder.value(), hidden);
    throw;
  }
}

void tell(const place& target, const warnings& notes) {
  auto head = told(look(target.folder.value(), target.name, target.path));
  notes.add_to(head);
  report(head);
}

/// Whether it was renamed; false where that takes a copy.
bool rename_in_place(const place& source, const place& target, bool replace) {
  const int from = source.folder.value();
  const int to = target.folder.value();
  const unsigned flags = replace ? 0 : RENAME_NOREPLACE;
  if (renameat2(from, source.name.c_str(), to, target.name.c_str(), flags) == 0) return true;
  int number = errno;
  struct stat there;
  if (!replace && number == EINVAL) {
    // Either a folder into itself, or a filesystem that knows no such flag: looked for just before, then.
    if (fstatat(to, target.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0)
      throw failure_of(target.path, EEXIST);
    if (renameat(from, source.name.c_str(), to, target.name.c_str()) == 0) return true;
    number = errno;
  }
  if (number == EXDEV) return false;
  throw failure_of(number == ENOENT ? source.path : target.path, number);
}

} // namespace

void copy_file(const options& o, const std::string& path, const std::string& to) {
  const auto source = find_place(path, false);
  const auto e = look(source.folder.value(), source.name, path);
  if (source.slash && !S_ISDIR(e.about.st_mode)) throw failure_of(path, ENOTDIR);
  const auto target = find_place(to, o.parents);
  warnings notes;
  copy_into_place(source, target, o.replace, e.about, notes);
  tell(target, notes);
}

void rename_file(const options& o, const std::string& path, const std::string& to) {
  const auto source = find_place(path, false);
  const auto e = look(source.folder.value(), source.name, path);
  const bool folder = S_ISDIR(e.about.st_mode);
  if (source.slash && !folder) throw failure_of(path, ENOTDIR);
  const auto target = find_place(to, o.parents);
  if (target.slash && !folder) throw failure_of(to, ENOTDIR);
  warnings notes;
  if (!rename_in_place(source, target, o.replace)) {
    // To another filesystem, or of a folder that is still in the image's layer.
    copy_into_place(source, target, o.replace, e.about, notes);
    remove_tree(source.folder.value(), source.name, path);
  }
  tell(target, notes);
}

} // namespace clawdspace::files
