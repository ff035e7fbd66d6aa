#include "archive_out.hpp"
#include "entry.hpp"
#include "failure.hpp"
#include "folder.hpp"
#include "operations.hpp"
#include "report.hpp"
#include "walk.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace clawdspace::files {
namespace {

/// What cannot be had from one entry is no reason to end: everything else is.
bool is_of_the_entry(const failure& why) {
  return why.number == EACCES || why.number == EPERM || why.number == ELOOP || why.number == ENXIO ||
         why.number == ESTALE;
}

unique_fd open_regular(int folder, const std::string& name, struct stat& about, const std::string& path) {
  constexpr int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  unique_fd file(openat(folder, name.c_str(), flags | O_NOATIME));
  if (!file && errno == EPERM) file.reset(openat(folder, name.c_str(), flags));
  if (!file || fstat(file.value(), &about) != 0) throw failure_of(path);
  if (!S_ISREG(about.st_mode)) throw failure_of(path, ESTALE);
  return file;
}

void pack_one(archive_out& out, int folder, const std::string& name, const std::string& as,
              struct stat& about, const std::string& path) {
  unique_fd file;
  std::string target;
  if (S_ISREG(about.st_mode)) file = open_regular(folder, name, about, path);
  if (S_ISLNK(about.st_mode)) target = read_link(folder, name);
  out.add(as, about, file.value(), target, path);
}

void pack_folder(archive_out& out, walk& tree, const struct stat& about, dev_t device) {
  const auto as = tree.current().path + "/";
  const auto path = tree.whole_path();
  tree.enter();
  out.add(as, about, -1, {}, path);
  if (about.st_dev != device && is_sizeless(tree.folder())) tree.skip();
}

void pack_step(archive_out& out, walk& tree, dev_t device, warnings& notes) {
  const auto at = tree.current();
  if (at.leaving) return;
  struct stat about;
  if (fstatat(at.folder, at.name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0)
    throw failure_of(tree.whole_path());
  if (S_ISSOCK(about.st_mode)) return notes.add(shown(tree.whole_path()) + ": a socket, left out");
  if (S_ISDIR(about.st_mode)) return pack_folder(out, tree, about, device);
  pack_one(out, at.folder, at.name, at.path, about, tree.whole_path());
}

void pack_tree(archive_out& out, unique_fd root, const struct stat& about, const std::string& path,
               warnings& notes) {
  out.add("./", about, -1, {}, path);
  walk tree(std::move(root), path);
  while (tree.next()) {
    try {
      pack_step(out, tree, about.st_dev, notes);
    } catch (const failure& why) {
      if (why.number == ENOENT) continue; // vanished meanwhile
      if (!is_of_the_entry(why)) throw;
      notes.add(why);
    }
  }
}

} // namespace

void pack(const std::string& path) {
  auto e = look(path, true);
  const bool folder = S_ISDIR(e.about.st_mode);
  if (!folder && !S_ISREG(e.about.st_mode)) throw failure_of(path, ENXIO);
  unique_fd opened;
  if (folder) opened = open_folder_at(AT_FDCWD, path, path, true);
  // A link that was named is meant to be what it leads to.
  else if (opened.reset(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)); !opened)
    throw failure_of(path);
  if (fstat(opened.value(), &e.about) != 0) throw failure_of(path);
  json_line head;
  head.flag("ok", true).words("kind", folder ? "folder" : "file");
  add_entry(head, e);
  report(head);

  warnings notes;
  archive_out out(STDOUT_FILENO, notes);
  if (folder)
    pack_tree(out, std::move(opened), e.about, path, notes);
  else
    out.add(e.name, e.about, opened.value(), {}, path);
  out.finish();
  json_line end;
  end.flag("ok", true).number("entries", out.entries());
  notes.add_to(end);
  report(end);
}

} // namespace clawdspace::files
