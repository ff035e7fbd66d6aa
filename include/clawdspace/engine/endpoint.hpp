#pragma once

#include <clawdspace/core/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace clawdspace::engine {

/// Where an Engine listens, as DOCKER_HOST spells it.
struct endpoint {
  std::string socket_path; ///< not empty: a unix socket
  std::string host;        ///< else TCP
  std::uint16_t port = 0;

  /// `unix:///var/run/docker.sock`, `tcp://127.0.0.1:2375`, `tcp://[::1]:2375`. Fails with
  /// errc::invalid_field (ssh:// and TLS are not spoken; the sentence says so).
  static result<endpoint> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] bool is_local() const noexcept { return !socket_path.empty(); }
};

} // namespace clawdspace::engine
