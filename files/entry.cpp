#include "entry.hpp"

#include "failure.hpp"
#include "people.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

namespace clawdspace::files {
namespace {

constexpr std::int64_t billion = 1'000'000'000;

std::string_view type_of(mode_t mode) {
  switch (mode & S_IFMT) {
  case S_IFREG:
    return "file";
  case S_IFDIR:
    return "folder";
  case S_IFLNK:
    return "symlink";
  case S_IFIFO:
    return "fifo";
  case S_IFSOCK:
    return "socket";
  case S_IFBLK:
    return "block";
  default:
    return "char";
  }
}

std::string digits(std::uint64_t number, int base) {
  std::array<char, 24> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number, base).ptr;
  return {text.data(), end};
}

std::string mode_text(mode_t mode) {
  const auto octal = digits(mode & 07777U, 8);
  return std::string(4 - std::min<std::size_t>(4, octal.size()), '0') + octal;
}

std::int64_t milliseconds_of(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1000 + time.tv_nsec / 1'000'000;
}

} // namespace

entry look(int folder, const std::string& name, std::string_view path) {
  entry e{.name = name};
  if (fstatat(folder, name.c_str(), &e.about, AT_SYMLINK_NOFOLLOW) != 0) throw failure_of(path);
  if (S_ISLNK(e.about.st_mode)) e.target = read_link(folder, name);
  return e;
}

entry look(const std::string& path, bool follow_links) {
  auto parts = split(path);
  entry e{.name = parts.name.empty() ? "/" : std::move(parts.name)};
  if (fstatat(AT_FDCWD, path.c_str(), &e.about, follow_links ? 0 : AT_SYMLINK_NOFOLLOW) != 0)
    throw failure_of(path);
  if (S_ISLNK(e.about.st_mode)) e.target = read_link(AT_FDCWD, path);
  return e;
}

void add_entry(json_line& line, const entry& e) {
  line.text("name", e.name)
      .words("type", type_of(e.about.st_mode))
      .number("size", e.about.st_size)
      .words("mode", mode_text(e.about.st_mode))
      .number("uid", e.about.st_uid)
      .number("gid", e.about.st_gid);
  if (const auto owner = user_name(e.about.st_uid); !owner.empty()) line.words("owner", owner);
  if (const auto group = group_name(e.about.st_gid); !group.empty()) line.words("group", group);
  line.number("mtimeMs", milliseconds_of(e.about.st_mtim));
  if (S_ISLNK(e.about.st_mode)) line.text("target", e.target);
}

std::string etag_of(const struct stat& about) {
  const auto time = static_cast<std::uint64_t>(about.st_mtim.tv_sec) * billion +
                    static_cast<std::uint64_t>(about.st_mtim.tv_nsec);
  return "\"" + digits(about.st_ino, 16) + "-" + digits(static_cast<std::uint64_t>(about.st_size), 16) + "-" +
         digits(time, 16) + "\"";
}

validators validators_of(const struct stat& about, std::string_view etag) {
  return {.exists = true, .etag = etag, .seconds = about.st_mtim.tv_sec};
}

json_line told(const entry& e) {
  json_line line;
  line.flag("ok", true);
  add_entry(line, e);
  line.words("etag", etag_of(e.about));
  return line;
}

bool is_sizeless(int fd) {
  struct statfs about;
  if (fstatfs(fd, &about) != 0) return false;
  constexpr std::array<unsigned long, 10> kinds{
      PROC_SUPER_MAGIC, SYSFS_MAGIC,      CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEBUGFS_MAGIC,
      TRACEFS_MAGIC,    SECURITYFS_MAGIC, BPF_FS_MAGIC,       DEVPTS_SUPER_MAGIC,  0x19800202UL /* mqueue */};
  return std::ranges::find(kinds, static_cast<unsigned long>(about.f_type)) != kinds.end();
}

} // namespace clawdspace::files
