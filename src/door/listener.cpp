#include <clawdspace/door/listener.hpp>
#include <clawdspace/door/protocol.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace clawdspace::door {

namespace {

constexpr int backlog = 16;
constexpr char beside[] = "door.new";

[[noreturn]] void throw_errno(const std::filesystem::path& folder) {
  throw std::system_error(errno, std::system_category(), fmt::format("the door in {}", folder.string()));
}

int bind_in(const std::filesystem::path& folder) {
  const unique_fd place(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!place) throw_errno(folder);
  unique_fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) throw_errno(folder);
  if (::unlinkat(place.value(), beside, 0) != 0 && errno != ENOENT) throw_errno(folder);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // An address has room for 107 bytes, a folder's path may have more.
  fmt::format_to_n(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1, "/proc/self/fd/{}/{}",
                   place.value(), beside);
  if (::bind(socket.value(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::fchmodat(place.value(), beside, 0666, 0) != 0 || ::listen(socket.value(), backlog) != 0 ||
      ::renameat(place.value(), beside, place.value(), socket_name) != 0)
    throw_errno(folder);
  return socket.release();
}

} // namespace

listener::listener(const asio::any_io_executor& executor, const std::filesystem::path& folder)
    : path_(folder / socket_name), socket_(executor, bind_in(folder)) {
  struct stat seen{};
  if (::lstat(path_.c_str(), &seen) != 0) throw_errno(folder);
  device_ = seen.st_dev;
  inode_ = seen.st_ino;
}

std::optional<listener::guest> listener::accept() {
  unique_fd socket(::accept4(socket_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket) return std::nullopt;
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(socket.value(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return std::nullopt;
  return guest{std::move(socket), who.pid};
}

task<std::error_code> listener::knock() {
  const auto [ec] = co_await socket_.async_wait(asio::posix::descriptor_base::wait_read, nothrow);
  co_return ec;
}

bool listener::is_in_place() const {
  struct stat seen{};
  return socket_.is_open() && ::lstat(path_.c_str(), &seen) == 0 && seen.st_dev == device_ &&
         seen.st_ino == inode_;
}

void listener::close() {
  if (socket_.is_open()) socket_.close();
}

} // namespace clawdspace::door
