#include "unpacker.hpp"

#include "attributes.hpp"
#include "folder.hpp"
#include "new_file.hpp"
#include "people.hpp"

#include <archive_entry.h>
#include <ctime>
#include <fcntl.h>
#include <unistd.h>

namespace clawdspace::files {
namespace {

/// What the entry says of its file. Owners go by name where the space knows it.
struct stat attributes_of(struct archive_entry* entry) {
  struct stat as = {};
  as.st_mode = archive_entry_mode(entry);
  as.st_size = archive_entry_size(entry);
  as.st_rdev = archive_entry_rdev(entry);
  as.st_uid = static_cast<uid_t>(archive_entry_uid(entry));
  as.st_gid = static_cast<gid_t>(archive_entry_gid(entry));
  if (const char* owner = archive_entry_uname(entry))
    if (const auto id = user_id(owner)) as.st_uid = *id;
  if (const char* group = archive_entry_gname(entry))
    if (const auto id = group_id(group)) as.st_gid = *id;
  as.st_mtim.tv_sec = archive_entry_mtime(entry);
  as.st_mtim.tv_nsec = archive_entry_mtime_nsec(entry);
  as.st_atim.tv_nsec = UTIME_NOW;
  return as;
}

/// Makes a name with `make`; where it is taken, makes it under a hidden one and moves it over.
template <class Make>
void make_or_replace(int parent, const std::string& name, const std::string& path, Make make) {
  if (make(name.c_str()) == 0) return;
  if (errno != EEXIST) throw failure_of(path);
  const auto hidden = hidden_name();
  if (make(hidden.c_str()) != 0) throw failure_of(path);
  if (renameat(parent, hidden.c_str(), parent, name.c_str()) == 0) {
    unlinkat(parent, hidden.c_str(),
             0); // two names of one file: rename does nothing, and says that it went well
    return;
  }
  const int number = errno;
  unlinkat(parent, hidden.c_str(), 0);
  throw failure_of(path, number);
}

} // namespace

void unpacker::put(struct archive_entry* entry) {
  const char* name = archive_entry_pathname(entry);
  if (name == nullptr || *name == '\0') throw failure{.code = "bad_archive", .words = "an entry has no name"};
  const std::string path = name;
  const auto parts = parts_of(path);
  const auto as = attributes_of(entry);
  ++entries_;
  if (const char* target = archive_entry_hardlink(entry)) return put_hard_link(parts, target, path);
  if (S_ISDIR(as.st_mode)) return put_folder(parts, as, path);
  if (parts.empty())
    throw failure{.code = "outside", .words = shown(path) + ": stands for the folder itself"};
  const int parent = below_.parent(parts, true);
  if (S_ISREG(as.st_mode)) return put_file(parent, parts.back(), as, path);
  if (S_ISLNK(as.st_mode)) return put_link(parent, parts.back(), as, archive_entry_symlink(entry), path);
  put_node(parent, parts.back(), as, path);
}

void unpacker::put_folder(const names& parts, const struct stat& as, const std::string& path) {
  if (parts.empty()) {
    if (root_is_new_) folders_.push_back({.parts = parts, .as = as});
    return;
  }
  const int parent = below_.parent(parts, true);
  if (mkdirat(parent, parts.back().c_str(), 0700) != 0) {
    struct stat there;
    if (errno != EEXIST || fstatat(parent, parts.back().c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0)
      throw failure_of(path);
    if (!S_ISDIR(there.st_mode)) throw failure_of(path, ENOTDIR);
    // One that its owner had closed to himself is opened until it gets the archive's mode.
    if (there.st_uid == geteuid() && (there.st_mode & 0700U) != 0700U &&
        fchmodat(parent, parts.back().c_str(), there.st_mode | 0700U, 0) != 0)
      throw failure_of(path);
  }
  folders_.push_back({.parts = parts, .as = as});
}

void unpacker::put_file(int parent, const std::string& name, const struct stat& as, const std::string& path) {
  new_file file(parent, path);
  bytes_ += in_.write_content(file.value(), as.st_size, path);
  set_attributes(file.value(), as);
  file.commit(name, new_file::existing::replaced);
}

void unpacker::put_link(int parent, const std::string& name, const struct stat& as, const char* target,
                        const std::string& path) {
  if (target == nullptr || *target == '\0')
    throw failure{.code = "bad_archive", .words = shown(path) + ": a link without a target"};
  make_or_replace(parent, name, path,
                  [=](const char* as_name) { return symlinkat(target, parent, as_name); });
  set_attributes_at(parent, name, as);
}

void unpacker::put_hard_link(const names& parts, const char* target, const std::string& path) {
  const auto source = parts_of(target);
  if (parts.empty() || source.empty())
    throw failure{.code = "outside", .words = shown(path) + ": stands for the folder itself"};
  const unique_fd from(fcntl(below_.parent(source, false), F_DUPFD_CLOEXEC, 0));
  if (!from) throw failure_of(path);
  const int parent = below_.parent(parts, true);
  make_or_replace(parent, parts.back(), path, [&](const char* as_name) {
    return linkat(from.value(), source.back().c_str(), parent, as_name, 0);
  });
}

void unpacker::put_node(int parent, const std::string& name, const struct stat& as, const std::string& path) {
  if (S_ISSOCK(as.st_mode) || (as.st_mode & S_IFMT) == 0)
    throw failure{.code = "bad_archive", .words = shown(path) + ": a kind of entry that tar does not have"};
  const auto mode = as.st_mode & (S_IFMT | 0777U);
  make_or_replace(parent, name, path,
                  [&](const char* as_name) { return mknodat(parent, as_name, mode, as.st_rdev); });
  set_attributes_at(parent, name, as);
}

void unpacker::finish() {
  // From the last to the first, so that those within come before those around.
  for (auto at = folders_.rbegin(); at != folders_.rend(); ++at) {
    if (at->parts.empty()) {
      set_attributes(root_, at->as);
      continue;
    }
    try {
      const int parent = below_.parent(at->parts, false);
      set_attributes(open_folder_at(parent, at->parts.back(), at->parts.back()).value(), at->as);
    } catch (const failure& why) {
      // Somebody else's, or somebody moved it meanwhile: it stays as it is.
      if (why.code != "not_found" && why.code != "not_allowed" && why.code != "not_a_folder") throw;
    }
  }
}

} // namespace clawdspace::files
