#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace clawdspace::door {

/// Something in a space that takes connections or datagrams, as its init has told.
struct listening {
  enum class kind { tcp, udp, unix_stream };
  struct process {
    int pid = 0;      ///< in the space
    std::string name; ///< as the kernel has it, at most 15 bytes; valid UTF-8, and nothing but printable
    friend bool operator==(const process&, const process&) = default;
  };

  kind what = kind::tcp;
  std::string address; ///< `127.0.0.1`, `0.0.0.0`, `::`; empty for a unix socket
  std::uint16_t port = 0;
  std::string path; ///< of a unix socket, absolute; empty for the others
  std::uint64_t inode = 0;
  std::optional<std::uint32_t> uid; ///< its owner's; the kernel does not tell a unix socket's
  std::optional<process> owner;     ///< where it can be known

  friend bool operator==(const listening&, const listening&) = default;
};

} // namespace clawdspace::door
