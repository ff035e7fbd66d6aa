#pragma once

#include <clawdspace/core/result.hpp>
#include <clawdspace/door/listening.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

// What init can say (protocol.hpp), read without trust.

namespace clawdspace::door {

/// How a command's main process ended.
struct ending {
  enum class way { exited, signaled, lost };
  way how = way::lost;
  int number = 0;                         ///< the exit code, or the signal
  std::optional<std::uint64_t> oom_kills; ///< in the space, while it ran
  std::optional<bool> gone;               ///< nothing of its tree is left: whether that is confirmed
};

struct hello {
  unsigned version = 0;
  std::string life;
};
/// A command that init knows of, at the greeting.
struct known_command {
  std::string id;
  std::optional<int> pid;      ///< it runs
  std::optional<ending> ended; ///< or has ended
  std::string descriptors;     ///< what comes with it, of "ioeth", in this order
};
struct ready {};
struct started {
  std::string id;
  int pid = 0; ///< in the space
};
struct failed {
  std::string id;
  std::string code; ///< one of start_failures
  int error_number = 0;
  std::string words;
};
struct ended {
  std::string id;
  ending how;
};
struct gone {
  std::string id;
  bool confirmed = false;
};
struct input_closed {
  std::string id;
};
struct hung_up {
  std::string id;
};
/// A verb of a later version: to be passed over.
struct unknown {};

using message =
    std::variant<hello, known_command, ready, started, failed, ended, gone, input_closed, hung_up, unknown>;

/// A frame `listens`. Nothing where it is one that a client could not be shown: a path that is not ASCII. An
/// error where it is not of the protocol's form.
result<std::optional<listening>> read_listening(std::string_view frame);

/// One frame. An error (errc::malformed_request) where it is not of the protocol's form.
result<message> read_message(std::string_view frame);

/// Letters, digits, `_` and, not first, `-`; at most id_limit.
bool is_id(std::string_view text) noexcept;

} // namespace clawdspace::door
