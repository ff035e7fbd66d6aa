#include "copy_tree.hpp"

#include "attributes.hpp"
#include "failure.hpp"
#include "folder.hpp"
#include "new_file.hpp"
#include "paths.hpp"
#include "remove.hpp"
#include "transfer.hpp"
#include "walk.hpp"

#include <fcntl.h>
#include <map>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace clawdspace::files {
namespace {

/// One copy under way.
class copier {
 public:
  copier(const std::string& path, warnings& notes) : path_(path), notes_(notes) {}

  /// One that is no folder.
  void copy_one(int from, const std::string& name, int to, const std::string& new_name,
                const struct stat& about, const std::string& path);
  /// A folder, and what is in it.
  void copy_folder(int from, const std::string& name, int to, const std::string& new_name,
                   const struct stat& about);

 private:
  struct level {
    unique_fd folder;
    struct stat about;
  };
  void step(walk& tree);
  void enter(walk& tree, const struct stat& about);
  void copy_regular(int from, const std::string& name, int to, const std::string& new_name,
                    const struct stat& about, const std::string& path);
  bool link_to_copied(const struct stat& about, int to, const std::string& new_name, const std::string& path);

  const std::string& path_;
  warnings& notes_;
  std::vector<level> levels_;
  // Files with several names that were copied: a descriptor each would be too many, so the place is kept.
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;
  unique_fd root_;
  std::string in_copy_; // the name in the copy, from its root
};

unique_fd make_private_folder(int folder, const std::string& name, const std::string& path) {
  if (mkdirat(folder, name.c_str(), 0700) != 0) throw failure_of(path);
  return open_folder_at(folder, name, path);
}

void copier::copy_regular(int from, const std::string& name, int to, const std::string& new_name,
                          const struct stat& about, const std::string& path) {
  const unique_fd source(
      openat(from, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat now;
  if (!source || fstat(source.value(), &now) != 0) throw failure_of(path);
  if (!S_ISREG(now.st_mode)) throw failure_of(path, ESTALE);
  new_file copy(to, path);
  copy_content(source.value(), copy.value(), now.st_size, path);
  set_attributes(copy.value(), now);
  copy.commit(new_name, new_file::existing::refused);
  if (about.st_nlink > 1 && root_) linked_.try_emplace({about.st_dev, about.st_ino}, in_copy_);
}

bool copier::link_to_copied(const struct stat& about, int to, const std::string& new_name,
                            const std::string& path) {
  if (about.st_nlink < 2 || !root_) return false;
  const auto found = linked_.find({about.st_dev, about.st_ino});
  if (found == linked_.end()) return false;
  if (linkat(root_.value(), found->second.c_str(), to, new_name.c_str(), 0) != 0) throw failure_of(path);
  return true;
}

void copier::copy_one(int from, const std::string& name, int to, const std::string& new_name,
                      const struct stat& about, const std::string& path) {
  if (link_to_copied(about, to, new_name, path)) return;
  if (S_ISREG(about.st_mode)) return copy_regular(from, name, to, new_name, about, path);
  if (S_ISSOCK(about.st_mode)) return notes_.add(shown(path) + ": a socket, left out");
  if (S_ISLNK(about.st_mode)) {
    if (symlinkat(read_link(from, name).c_str(), to, new_name.c_str()) != 0) throw failure_of(path);
  } else if (mknodat(to, new_name.c_str(), about.st_mode & (S_IFMT | 0777U), about.st_rdev) != 0) {
    throw failure_of(path);
  }
  set_attributes_at(to, new_name, about);
}

void copier::enter(walk& tree, const struct stat& about) {
  const auto at = tree.current();
  auto made = make_private_folder(levels_.back().folder.value(), at.name, tree.whole_path());
  levels_.push_back({.folder = std::move(made), .about = about});
  tree.enter();
}

void copier::step(walk& tree) {
  const auto at = tree.current();
  const auto path = tree.whole_path();
  if (at.leaving) {
    set_attributes(levels_.back().folder.value(), levels_.back().about);
    levels_.pop_back();
    return;
  }
  struct stat about;
  if (fstatat(at.folder, at.name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return; // vanished meanwhile
    throw failure_of(path);
  }
  if (S_ISDIR(about.st_mode)) return enter(tree, about);
  in_copy_ = at.path;
  copy_one(at.folder, at.name, levels_.back().folder.value(), at.name, about, path);
}

void copier::copy_folder(int from, const std::string& name, int to, const std::string& new_name,
                         const struct stat& about) {
  walk tree(open_folder_at(from, name, path_), path_);
  auto made = make_private_folder(to, new_name, path_);
  root_.reset(dup(made.value()));
  if (!root_) throw failure_of(path_);
  levels_.push_back({.folder = std::move(made), .about = about});
  while (tree.next()) step(tree);
  set_attributes(levels_.back().folder.value(), about);
}

} // namespace

void copy_tree(int from, const std::string& name, int to, const std::string& new_name,
               const std::string& path, warnings& notes) {
  struct stat about;
  if (fstatat(from, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0) throw failure_of(path);
  if (S_ISSOCK(about.st_mode)) throw failure_of(path, ENXIO);
  copier copy(path, notes);
  if (!S_ISDIR(about.st_mode)) return copy.copy_one(from, name, to, new_name, about, path);
  try {
    copy.copy_folder(from, name, to, new_name, about);
  } catch (const failure& why) {
    remove_remains(to, new_name);
    throw;
  }
}

} // namespace clawdspace::files
