#include "new_file.hpp"

#include "failure.hpp"

#include <cstdint>
#include <cstdio>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

namespace clawdspace::files {

std::string hidden_name() {
  std::uint64_t number = 0;
  if (getrandom(&number, sizeof number, 0) != sizeof number) throw failure_of("getrandom");
  std::string name = ".clawdspace-";
  for (int i = 0; i < 16; ++i, number >>= 4U) name += "0123456789abcdef"[number & 15U];
  return name;
}

new_file::new_file(int folder, std::string path)
    : folder_(folder), path_(std::move(path)),
      file_(openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)) {
  // Filesystems, and kernels, that have no O_TMPFILE say so in three ways.
  if (!file_ && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
    hidden_ = hidden_name();
    file_.reset(openat(folder, hidden_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file_) hidden_.clear();
  }
  if (!file_) throw failure_of(path_);
}

new_file::~new_file() {
  if (!hidden_.empty()) unlinkat(folder_, hidden_.c_str(), 0);
}

bool new_file::link_as(const std::string& name) {
  const auto self = "/proc/self/fd/" + std::to_string(file_.value());
  if (linkat(AT_FDCWD, self.c_str(), folder_, name.c_str(), AT_SYMLINK_FOLLOW) == 0) return true;
  if (errno != EEXIST) throw failure_of(path_);
  return false;
}

void new_file::commit(const std::string& name, existing there) {
  if (hidden_.empty()) {
    if (link_as(name)) return;
    if (there == existing::refused) throw failure_of(path_, EEXIST);
    auto beside = hidden_name();
    while (!link_as(beside)) beside = hidden_name();
    hidden_ = std::move(beside);
  }
  take_name(folder_, hidden_, name, there, path_);
  hidden_.clear();
}

void take_name(int folder, const std::string& hidden, const std::string& name, new_file::existing there,
               std::string_view path) {
  if (there == new_file::existing::replaced) {
    if (renameat(folder, hidden.c_str(), folder, name.c_str()) != 0) throw failure_of(path);
    return;
  }
  if (renameat2(folder, hidden.c_str(), folder, name.c_str(), RENAME_NOREPLACE) == 0) return;
  if (errno != EINVAL && errno != ENOSYS) throw failure_of(path);
  // A filesystem that cannot promise it: looked for just before, then.
  struct stat about;
  if (fstatat(folder, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0) throw failure_of(path, EEXIST);
  if (renameat(folder, hidden.c_str(), folder, name.c_str()) != 0) throw failure_of(path);
}

} // namespace clawdspace::files
