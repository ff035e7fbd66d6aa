#include "beneath.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>

namespace clawdspace::files {
namespace {

failure outside(std::string_view name, std::string_view why) {
  return {.code = "outside", .words = shown(name) + ": " + std::string(why)};
}

unique_fd enter(int folder, const std::string& part, bool make) {
  constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  unique_fd next(openat(folder, part.c_str(), flags));
  if (!next && errno == EACCES)
    next.reset(openat(folder, part.c_str(), flags | O_PATH)); // searchable is enough
  if (!next && errno == ENOENT && make) {
    if (mkdirat(folder, part.c_str(), 0777) != 0 && errno != EEXIST) throw failure_of(part);
    next.reset(openat(folder, part.c_str(), flags));
  }
  if (next) return next;
  const int number = errno;
  struct stat about;
  if (fstatat(folder, part.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(about.st_mode))
    throw outside(part, "a link, and what is unpacked goes through none");
  throw failure_of(part, number);
}

} // namespace

std::vector<std::string> parts_of(std::string_view name) {
  const auto whole = name;
  if (name.starts_with('/')) throw outside(whole, "an absolute name in the archive");
  std::vector<std::string> parts;
  while (!name.empty()) {
    const auto slash = name.find('/');
    const auto part = name.substr(0, slash);
    if (part == "..") throw outside(whole, "leads out of the folder");
    if (!part.empty() && part != ".") parts.emplace_back(part);
    name.remove_prefix(slash == name.npos ? name.size() : slash + 1);
  }
  return parts;
}

int beneath::parent(const std::vector<std::string>& parts, bool make) {
  const std::vector<std::string> wanted(parts.begin(), parts.end() - 1);
  if (wanted.empty()) return root_;
  if (folder_ && wanted == last_) return folder_.value();
  // From the open folder where that is above.
  const bool below =
      folder_ && wanted.size() > last_.size() && std::equal(last_.begin(), last_.end(), wanted.begin());
  unique_fd at = below ? std::move(folder_) : unique_fd();
  for (auto part = wanted.begin() + (below ? static_cast<std::ptrdiff_t>(last_.size()) : 0);
       part != wanted.end(); ++part)
    at = enter(at ? at.value() : root_, *part, make);
  folder_ = std::move(at);
  last_ = wanted;
  return folder_.value();
}

} // namespace clawdspace::files
