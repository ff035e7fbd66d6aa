#include "folder.hpp"

#include "cancel.hpp"
#include "failure.hpp"

#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/syscall.h>
#include <unistd.h>

namespace clawdspace::files {

std::vector<std::string> names_in(int folder, std::string_view path) {
  constexpr std::size_t room = std::size_t{64} << 10U;
  static const auto bytes = std::make_unique_for_overwrite<char[]>(room);
  std::vector<std::string> names;
  for (;;) {
    const auto n = getdents64(folder, bytes.get(), room);
    if (n < 0) throw failure_of(path);
    if (n == 0) return names;
    check_canceled();
    for (std::size_t at = 0; at < static_cast<std::size_t>(n);) {
      const auto* record = bytes.get() + at;
      unsigned short length = 0;
      std::memcpy(&length, record + offsetof(dirent64, d_reclen), sizeof length);
      const std::string_view name(record + offsetof(dirent64, d_name));
      if (name != "." && name != "..") names.emplace_back(name);
      at += length;
    }
  }
}

unique_fd open_folder_at(int folder, const std::string& name, std::string_view path, bool follow_link) {
  const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | (follow_link ? 0 : O_NOFOLLOW);
  unique_fd opened(openat(folder, name.c_str(), flags | O_NOATIME));
  if (!opened && errno == EPERM) opened.reset(openat(folder, name.c_str(), flags));
  if (!opened) throw failure_of(path);
  return opened;
}

} // namespace clawdspace::files
