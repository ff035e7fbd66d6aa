#pragma once

#include <clawdspace/core/task.hpp>
#include <clawdspace/space/outcome.hpp>
#include <clawdspace/space/space.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

// What a command is, whatever carries it: the Engine's exec API, or the door. One conformance suite holds for
// both.

namespace clawdspace::spaces {

enum class channel { out, err };

struct command_spec {
  std::string id;
  std::vector<std::string> argv; ///< with `shell`: one text for /bin/sh -c
  bool shell = false;
  std::vector<std::string> env; ///< `K=V`, over the space's own
  std::string cwd;              ///< empty: the image's WORKDIR if it is not /, else the user's home
  std::string user;             ///< empty: the space's own
  bool input = false;           ///< without it the command reads end-of-file at once
  bool tty = false;
  int rows = 24;
  int columns = 80;
};

struct output_piece {
  channel from = channel::out;
  std::span<const std::byte> data; ///< valid until the next read; empty: there is no more
};

/// A command that has been started. `close` must be awaited before it is destroyed.
class running_command {
 public:
  virtual ~running_command() = default;

  /// The next output, in the order it was read; its end comes with the process's end plus a short drain, so
  /// that a child in the background does not hold it. What nobody reads stays with the process, beyond one
  /// bounded buffer.
  virtual task<output_piece> read() = 0;
  /// Makes `read` give the end, whatever may still come.
  virtual void let_go() = 0;

  /// Returns when it has been taken; bytes for an input that the command has closed go nowhere.
  virtual task<> write_input(std::span<const std::byte> data) = 0;
  virtual task<> close_input() = 0;

  /// How the main process ended; asked for after `read` gave the end.
  virtual task<process_end> end() = 0;

  /// Ends the command with all its descendants: whether it is certain that nothing is left. The space must be
  /// awake.
  virtual task<bool> end_tree() = 0;

  virtual task<> close() = 0;
};

class command_backend {
 public:
  virtual ~command_backend() = default;
  /// Starts a command in a space that is awake and kept so.
  virtual task<std::unique_ptr<running_command>> start(space_ptr where, command_spec what) = 0;
};

} // namespace clawdspace::spaces
