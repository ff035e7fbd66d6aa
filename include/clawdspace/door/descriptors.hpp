#pragma once

#include <clawdspace/core/unique_fd.hpp>
#include <clawdspace/door/protocol.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <sys/types.h>
#include <vector>

// Descriptors that travel between the daemon and a space: made, sent, received, and looked at.

namespace clawdspace::door {

using descriptors = std::vector<unique_fd>;

/// One message, as it came.
struct received {
  ssize_t size = -1;            ///< -1: errno tells why not; 0: the end
  bool cut = false;             ///< it was longer than there was room for
  bool descriptors_cut = false; ///< some were lost: this side has no room for them, or too many were sent
  std::array<unique_fd, descriptor_limit> with;
  std::size_t count = 0; ///< of `with`
};

/// recvmsg without waiting; what comes is closed on exec.
received receive_now(int socket, std::span<char> into);

/// sendmsg without waiting: false with errno where it could not be done.
bool send_now(int socket, std::string_view frame, std::span<const unique_fd> with);

struct pipe_ends {
  unique_fd reading;
  unique_fd writing;
};

/// A pipe that any user may open again (`> /dev/stdout`), closed on exec. Throws errc::overloaded where too
/// few descriptors would be left.
pipe_ends make_pipe();

/// Sets O_NONBLOCK on what nobody else has.
void set_nonblocking(int fd);

/// The same end of an anonymous pipe, non-blocking with flags of its own. Throws std::system_error, or
/// errc::overloaded where no descriptor is left.
unique_fd reopen_pipe(int fd, int access);

/// The words in a memfd that nobody can change. Throws errc::overloaded where it cannot be made.
unique_fd make_sealed(std::string_view content);

/// What came out of a space is what it is said to be.
bool is_pipe(int fd, int access); ///< an anonymous pipe's end; `access`: O_RDONLY or O_WRONLY
bool is_pty_master(int fd);
/// A connected stream: TCP over either version of IP, or a unix socket.
bool is_connection(int fd, bool tcp);
bool is_memory_file(int fd); ///< a memfd, or a file of a tmpfs: reading it never waits for a file system

/// How many descriptors are kept free for what must go on; below it nothing new is begun.
inline constexpr int descriptor_reserve = 64;
/// Whether `newest`, the lowest that was free, is already one of the last.
bool is_in_reserve(int newest);

} // namespace clawdspace::door
