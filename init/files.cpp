#include "files.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace clawdspace::init {
namespace {

constexpr size_t table_limit = size_t{1} << 20;

long read_up_to(int fd, char* into, size_t room) {
  size_t size = 0;
  while (size < room) {
    const ssize_t n = read(fd, into + size, room - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -errno;
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  return static_cast<long>(size);
}

} // namespace

long read_some(int directory, const char* path, char* into, size_t room) {
  const int fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return -errno;
  const long size = read_up_to(fd, into, room);
  close(fd);
  return size;
}

text read_table(arena& memory, const char* path) {
  const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return {};
  text table;
  struct stat about;
  if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0) {
    const size_t room =
        static_cast<uint64_t>(about.st_size) < table_limit ? static_cast<size_t>(about.st_size) : table_limit;
    char* bytes = memory.array<char>(room);
    const long size = read_up_to(fd, bytes, room);
    if (size > 0) table = text(bytes, static_cast<size_t>(size));
    if (static_cast<uint64_t>(about.st_size) > table_limit) {
      const size_t whole = table.find_last('\n');
      table = whole == table.size() ? text() : table.first(whole + 1);
    }
  }
  close(fd);
  return table;
}

} // namespace clawdspace::init
