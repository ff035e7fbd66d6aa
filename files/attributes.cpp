#include "attributes.hpp"

#include "failure.hpp"

#include <array>
#include <fcntl.h>
#include <unistd.h>

namespace clawdspace::files {
namespace {

mode_t mode_for(const struct stat& as, bool same_owner) {
  return as.st_mode & (same_owner ? 07777U : 01777U);
}

} // namespace

void set_attributes(int file, const struct stat& as) {
  bool same_owner = fchown(file, as.st_uid, as.st_gid) == 0;
  if (!same_owner)
    same_owner = fchown(file, static_cast<uid_t>(-1), as.st_gid) == 0 && as.st_uid == geteuid();
  const std::array times{as.st_atim, as.st_mtim};
  if (fchmod(file, mode_for(as, same_owner)) != 0 || futimens(file, times.data()) != 0)
    throw failure_of("attributes");
}

void set_attributes_at(int folder, const std::string& name, const struct stat& as) {
  const bool same_owner = fchownat(folder, name.c_str(), as.st_uid, as.st_gid, AT_SYMLINK_NOFOLLOW) == 0;
  const std::array times{as.st_atim, as.st_mtim};
  // Made a moment ago with a type that no link has.
  if (!S_ISLNK(as.st_mode) && fchmodat(folder, name.c_str(), mode_for(as, same_owner), 0) != 0)
    throw failure_of(name);
  if (utimensat(folder, name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0) throw failure_of(name);
}

} // namespace clawdspace::files
