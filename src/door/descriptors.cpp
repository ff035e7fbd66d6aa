#include <clawdspace/core/error.hpp>
#include <clawdspace/door/descriptors.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/memfd.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <system_error>

namespace clawdspace::door {

namespace {

constexpr int ptmx_major = 5;
constexpr int ptmx_minor = 2;

[[noreturn]] void throw_errno(const char* what) {
  if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
    throw error(errc::overloaded, fmt::format("{}: {}", what, std::strerror(errno)));
  throw std::system_error(errno, std::system_category(), what);
}

} // namespace

received receive_now(int socket, std::span<char> into) {
  received got;
  iovec part{.iov_base = into.data(), .iov_len = into.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(descriptor_limit * sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  do got.size = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (got.size < 0 && errno == EINTR);
  if (got.size < 0) return got;
  got.cut = (message.msg_flags & MSG_TRUNC) != 0;
  got.descriptors_cut = (message.msg_flags & MSG_CTRUNC) != 0;
  for (auto* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const auto bytes = c->cmsg_len - CMSG_LEN(0);
    for (std::size_t at = 0; at + sizeof(int) <= bytes; at += sizeof(int)) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(c) + at, sizeof fd);
      unique_fd one(fd);
      if (got.count < got.with.size()) got.with[got.count++] = std::move(one);
    }
  }
  return got;
}

bool send_now(int socket, std::string_view frame, std::span<const unique_fd> with) {
  iovec part{.iov_base = const_cast<char*>(frame.data()), .iov_len = frame.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(descriptor_limit * sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (with.size() > descriptor_limit) {
    errno = EINVAL;
    return false;
  }
  if (!with.empty()) {
    std::memset(control, 0, sizeof control);
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(with.size() * sizeof(int));
    auto* const c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(with.size() * sizeof(int));
    for (std::size_t i = 0; i < with.size(); ++i) {
      const int fd = with[i].value();
      std::memcpy(CMSG_DATA(c) + i * sizeof fd, &fd, sizeof fd);
    }
  }
  ssize_t sent = -1;
  do sent = ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

pipe_ends make_pipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) throw_errno("a pipe for a command could not be made");
  pipe_ends ends{unique_fd(fds[0]), unique_fd(fds[1])};
  if (is_in_reserve(fds[1]))
    throw error(errc::overloaded, "too few descriptors are left for a new command: try again");
  if (::fchmod(fds[0], 0666) != 0) throw_errno("fchmod");
  return ends;
}

void set_nonblocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) throw_errno("O_NONBLOCK");
}

unique_fd reopen_pipe(int fd, int access) {
  const auto path = fmt::format("/proc/self/fd/{}", fd);
  unique_fd own(::open(path.c_str(), access | O_NONBLOCK | O_CLOEXEC));
  if (!own) throw_errno("a pipe could not be opened again");
  return own;
}

unique_fd make_sealed(std::string_view content) {
  unique_fd file(::memfd_create("command", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) throw_errno("memfd_create");
  while (!content.empty()) {
    const auto n = ::write(file.value(), content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno("memfd");
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fcntl(file.value(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
    throw_errno("F_ADD_SEALS");
  return file;
}

// In all of these nothing is asked of a file system before it is known to be one that answers by itself.

bool is_pipe(int fd, int access) {
  if (::fcntl(fd, F_GETPIPE_SZ) < 0) return false; // not a pipe at all
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ((flags & O_ACCMODE) != access && (flags & O_ACCMODE) != O_RDWR)) return false;
  const auto link = fmt::format("/proc/self/fd/{}", fd);
  char target[64];
  const auto n = ::readlink(link.c_str(), target, sizeof target);
  return n > 0 && std::string_view(target, static_cast<std::size_t>(n)).starts_with("pipe:["); // no name
}

bool is_pty_master(int fd) {
  struct stat seen{};
  if (::fstat(fd, &seen) != 0 || !S_ISCHR(seen.st_mode)) return false;
  if (major(seen.st_rdev) != ptmx_major || minor(seen.st_rdev) != ptmx_minor) return false;
  int number = -1;
  return ::ioctl(fd, TIOCGPTN, &number) == 0 && (::fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR;
}

bool is_connection(int fd, bool tcp) {
  const auto option = [fd](int name) {
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
  };
  if (option(SO_TYPE) != SOCK_STREAM || option(SO_ACCEPTCONN) != 0) return false;
  const int family = option(SO_DOMAIN);
  if (tcp ? (family != AF_INET && family != AF_INET6) || option(SO_PROTOCOL) != IPPROTO_TCP
          : family != AF_UNIX)
    return false;
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  return ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 || errno != ENOTCONN ||
         option(SO_ERROR) > 0;
}

bool is_memory_file(int fd) {
  if (::fcntl(fd, F_GET_SEALS) < 0) return false; // only such files have an answer
  struct stat seen{};
  return ::fstat(fd, &seen) == 0 && S_ISREG(seen.st_mode);
}

bool is_in_reserve(int newest) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return false;
  return newest >= 0 && static_cast<rlim_t>(newest) + descriptor_reserve >= limit.rlim_cur;
}

} // namespace clawdspace::door
