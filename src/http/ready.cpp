#include "ready.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <system_error>
#include <unistd.h>

namespace clawdspace::http {

std::size_t ready_in(int fd) {
  int size = 0;
  if (::ioctl(fd, FIONREAD, &size) != 0) throw std::system_error(errno, std::system_category(), "FIONREAD");
  return static_cast<std::size_t>(std::max(size, 0));
}

std::size_t read_ready(int fd, std::span<std::byte> into) {
  const iovec whole{into.data(), into.size()};
  for (;;) {
    auto n = ::preadv2(fd, &whole, 1, -1, RWF_NOWAIT);
    // Terminals, and the pipes of older kernels, know no such flag.
    if (n < 0 && errno == EOPNOTSUPP) {
      const auto size = std::min(into.size(), ready_in(fd));
      if (size == 0) return 0;
      n = ::read(fd, into.data(), size);
    }
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) throw std::system_error(errno, std::system_category(), "reading what is ready");
  }
}

} // namespace clawdspace::http
