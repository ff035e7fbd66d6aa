#include "transfer.hpp"

#include "cancel.hpp"
#include "failure.hpp"

#include <algorithm>
#include <fcntl.h>
#include <limits>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace clawdspace::files {
namespace {

constexpr std::size_t step = std::size_t{1} << 20U;
constexpr std::size_t buffer_size = std::size_t{256} << 10U;

char* buffer() {
  static const auto bytes = std::make_unique_for_overwrite<char[]>(buffer_size);
  return bytes.get();
}

// Whether a call failed for now only. Throws when it is over.
bool again() {
  if (errno != EINTR) return false;
  check_canceled();
  return true;
}

std::int64_t send_by_hand(int file, std::int64_t offset, std::int64_t length, int out,
                          std::string_view path) {
  std::int64_t sent = 0;
  while (sent < length) {
    const auto room = static_cast<std::size_t>(std::min<std::int64_t>(length - sent, buffer_size));
    const auto n = pread(file, buffer(), room, offset + sent);
    if (n < 0 && again()) continue;
    if (n < 0) throw failure_of(path);
    if (n == 0) break;
    write_all(out, {buffer(), static_cast<std::size_t>(n)}, path);
    sent += n;
  }
  return sent;
}

void copy_span(int from, int to, std::int64_t offset, std::int64_t length, std::string_view path) {
  auto in = offset;
  auto out = offset;
  bool by_kernel = true;
  while (in < offset + length) {
    check_canceled();
    const auto left = static_cast<std::size_t>(offset + length - in);
    ssize_t n = -1;
    if (by_kernel) {
      n = copy_file_range(from, &in, to, &out, std::min<std::size_t>(left, 64 * step), 0);
      by_kernel = n > 0 || (n < 0 && errno == EINTR);
      if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EFBIG))
        throw failure_of(path);
      continue;
    }
    n = pread(from, buffer(), std::min(left, buffer_size), in);
    if (n < 0 && again()) continue;
    if (n < 0) throw failure_of(path);
    if (n == 0) return; // it shrank
    if (lseek(to, out, SEEK_SET) < 0) throw failure_of(path);
    write_all(to, {buffer(), static_cast<std::size_t>(n)}, path);
    in += n;
    out += n;
  }
}

} // namespace

void write_all(int fd, std::string_view bytes, std::string_view what) {
  while (!bytes.empty()) {
    const auto n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && again()) continue;
    if (n < 0) throw failure_of(what);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::size_t read_some(int fd, char* into, std::size_t room, std::string_view what) {
  for (;;) {
    const auto n = read(fd, into, room);
    if (n < 0 && again()) continue;
    if (n < 0) throw failure_of(what);
    return static_cast<std::size_t>(n);
  }
}

void widen_pipe(int fd) {
  // Refused where it is no pipe, or where the user has had his share of pipe memory: slower, then.
  static_cast<void>(fcntl(fd, F_SETPIPE_SZ, static_cast<int>(step)));
}

std::int64_t send_file(int file, std::int64_t offset, std::int64_t length, int out, std::string_view path) {
  if (length <= static_cast<std::int64_t>(buffer_size)) return send_by_hand(file, offset, length, out, path);
  widen_pipe(out);
  auto at = offset;
  while (at < offset + length) {
    const auto room = static_cast<std::size_t>(std::min<std::int64_t>(offset + length - at, step));
    const auto n = splice(file, &at, out, nullptr, room, SPLICE_F_MOVE | SPLICE_F_MORE);
    if (n < 0 && again()) continue;
    if (n < 0 && errno == EINVAL) // no pipe, or a filesystem that cannot
      return at - offset + send_by_hand(file, at, offset + length - at, out, path);
    if (n < 0) throw failure_of(path);
    if (n == 0) break;
  }
  return at - offset;
}

std::int64_t receive_file(int in, int file, std::optional<std::int64_t> length, std::string_view path) {
  const auto whole = length.value_or(std::numeric_limits<std::int64_t>::max());
  std::int64_t received = 0;
  bool by_kernel = whole > (std::int64_t{64} << 10U);
  if (by_kernel) widen_pipe(in);
  // A daemon that cancels signals first and closes the pipe then: its end must not pass for the content's.
  for (bool ended = false; !ended && received < whole; check_canceled()) {
    const auto room = static_cast<std::size_t>(std::min<std::int64_t>(whole - received, step));
    if (by_kernel) {
      const auto n = splice(in, nullptr, file, nullptr, room, SPLICE_F_MOVE | SPLICE_F_MORE);
      if (n < 0 && again()) continue;
      if (n < 0 && errno != EINVAL) throw failure_of(path);
      ended = n == 0;
      by_kernel = n >= 0;
      received += std::max<ssize_t>(n, 0);
      continue;
    }
    const auto n = read_some(in, buffer(), std::min(room, buffer_size), "stdin");
    ended = n == 0;
    write_all(file, {buffer(), n}, path);
    received += static_cast<std::int64_t>(n);
  }
  return received;
}

void copy_content(int from, int to, std::int64_t size, std::string_view path) {
  if (size > 0 && ftruncate(to, size) != 0) throw failure_of(path);
  for (std::int64_t at = 0; at < size;) {
    auto data = lseek(from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return; // nothing but a hole from here on
    auto hole = data < 0 ? size : lseek(from, data, SEEK_HOLE);
    if (data < 0) data = at; // a filesystem without holes
    if (hole < 0 || hole > size) hole = size;
    if (data >= size) return;
    copy_span(from, to, data, hole - data, path);
    at = hole;
  }
}

void drain(int in) {
  while (read_some(in, buffer(), buffer_size, "stdin") > 0) check_canceled();
}

} // namespace clawdspace::files
