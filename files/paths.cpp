#include "paths.hpp"

#include "failure.hpp"

#include <array>
#include <climits>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace clawdspace::files {
namespace {

void make_folders(const std::string& path, int from) {
  for (std::size_t at = path.find_first_not_of('/'); at != path.npos;) {
    const auto end = path.find('/', at);
    const auto prefix = path.substr(0, end);
    if (mkdirat(from, prefix.c_str(), 0777) != 0 && errno != EEXIST) throw failure_of(prefix);
    at = end == path.npos ? end : path.find_first_not_of('/', end);
  }
}

unique_fd open_folder(const std::string& path, bool make, int from) {
  constexpr int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  const auto name = path.empty() ? std::string(".") : path;
  unique_fd folder(openat(from, name.c_str(), flags));
  if (!folder && errno == ENOENT && make) {
    make_folders(name, from);
    folder.reset(openat(from, name.c_str(), flags));
  }
  if (!folder) throw failure_of(name);
  return folder;
}

} // namespace

std::string expand(std::string_view path, std::string_view home) {
  if (path.starts_with('/')) return std::string(path);
  if (path != "~" && !path.starts_with("~/"))
    throw failure{.code = "invalid", .words = shown(path) + ": a path begins with `/` or `~/`"};
  std::string whole(home.starts_with('/') ? home : "/");
  return whole.append(path.substr(1));
}

path_parts split(std::string_view path) {
  path_parts parts;
  while (path.size() > 1 && path.ends_with('/')) {
    path.remove_suffix(1);
    parts.slash = true;
  }
  const auto at = path.rfind('/');
  parts.name = path.substr(at == path.npos ? 0 : at + 1);
  if (at != path.npos) parts.folder = path.substr(0, at == 0 ? 1 : at);
  return parts;
}

place find_place(std::string_view path, bool make_parents, int from) {
  auto parts = split(path);
  if (parts.name.empty() || parts.name == "." || parts.name == "..")
    throw failure{.code = "invalid", .words = shown(path) + ": this needs a name at the end"};
  // What the kernel would refuse anyway, before folders are made for it.
  if (parts.name.size() > NAME_MAX || path.size() >= PATH_MAX) throw failure_of(path, ENAMETOOLONG);
  place found;
  found.folder = open_folder(parts.folder, make_parents, from);
  found.name = std::move(parts.name);
  found.path = path;
  found.slash = parts.slash;
  return found;
}

std::string read_link(int folder, const std::string& name) {
  std::array<char, PATH_MAX> text;
  const auto n = readlinkat(folder, name.c_str(), text.data(), text.size());
  if (n < 0) throw failure_of(name);
  return {text.data(), static_cast<std::size_t>(n)};
}

place follow(place where) {
  constexpr int most = 40; // as the kernel has it
  for (int links = 0; links <= most; ++links) {
    struct stat about;
    if (fstatat(where.folder.value(), where.name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno != ENOENT) throw failure_of(where.path);
      return where;
    }
    if (!S_ISLNK(about.st_mode)) return where;
    const auto target = read_link(where.folder.value(), where.name);
    auto next = find_place(target, false, where.folder.value());
    next.path = where.path;
    next.slash = next.slash || where.slash;
    where = std::move(next);
  }
  throw failure_of(where.path, ELOOP);
}

} // namespace clawdspace::files
