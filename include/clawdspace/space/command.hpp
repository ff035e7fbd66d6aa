#pragma once

#include <clawdspace/core/task.hpp>
#include <clawdspace/core/unique_fd.hpp>
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
  bool login = false;     ///< the user's login shell; `argv` is empty
  bool unhurried = false; ///< nobody waits for its start, only for its end
  bool outlives = false;  ///< goes on without its client and without the daemon
  int history = -1;       ///< with `outlives`: the memfd that keeps its output, which stays the caller's
};

/// Output, as bytes in memory or as bytes that stand ready in a pipe.
struct output_piece {
  channel from = channel::out;
  std::span<const std::byte> data; ///< valid until the next read
  int pipe = -1; ///< where not -1: exactly `ready` bytes are to be taken from it before the next read
  std::size_t ready = 0;

  [[nodiscard]] std::size_t size() const noexcept { return pipe < 0 ? data.size() : ready; }
  /// There is no more.
  [[nodiscard]] bool is_end() const noexcept { return size() == 0; }
};

/// A command that has been started. `close` must be awaited before it is destroyed.
class running_command {
 public:
  virtual ~running_command() = default;

  /// Returns when its program runs, or with false when that has failed; at once where `start` has seen to it.
  virtual task<bool> started() { co_return true; }

  /// The next output, in the order it was read; its end comes with the process's end plus a short drain, so
  /// that a child in the background does not hold it. What nobody reads stays with the process, beyond one
  /// bounded buffer. `in_pipe`: the caller can take it from a pipe; it may come in memory all the same.
  virtual task<output_piece> read(bool in_pipe = false) = 0;
  /// Makes `read` give the end, whatever may still come.
  virtual void let_go() = 0;

  /// Returns when it has been taken; bytes for an input that the command has closed go nowhere.
  virtual task<> write_input(std::span<const std::byte> data) = 0;
  virtual task<> close_input() = 0;
  /// Whether the command can still read what is written.
  [[nodiscard]] virtual bool input_open() const = 0;

  /// To the main process, or to all of its tree. Throws errc::not_supported where the backend cannot.
  virtual task<> signal(int number, bool tree) = 0;
  /// Of a terminal.
  virtual task<> resize(int rows, int columns) = 0;
  /// Closes a terminal, as closing its window would.
  virtual task<> hang_up() = 0;

  /// How the main process ended; asked for after `read` gave the end.
  virtual task<process_end> end() = 0;

  /// Ends the command with all its descendants: whether it is certain that nothing is left. The space must be
  /// awake.
  virtual task<bool> end_tree() = 0;

  /// Lets go of it. One that outlives its client goes on.
  virtual task<> close() = 0;
};

class command_backend {
 public:
  virtual ~command_backend() = default;
  /// Starts a command in a space that is awake and kept so. Throws errc::not_supported for one that is to
  /// outlive its client where that cannot be.
  virtual task<std::unique_ptr<running_command>> start(space_ptr where, command_spec what) = 0;

  /// Ends what a command has left in the background after its own end: whether it is certain that nothing is
  /// left. The space must be awake. Throws errc::not_supported.
  virtual task<bool> end_rest(space_ptr where, std::string id) = 0;
  /// Whether there may be commands in this space that were not told of yet: the daemon has come back, and has
  /// not heard of it since.
  [[nodiscard]] virtual bool is_unheard(const space& /*where*/) const { return false; }
  /// Returns when it has, or when that cannot be expected. The space must be awake.
  virtual task<> hear(space_ptr /*where*/) { co_return; }
  /// Lets go of what is kept of a command that has ended.
  virtual void forget(const space_ptr& where, const std::string& id) = 0;
  /// The same for one of which next to nothing is kept: there is no hurry.
  virtual void forget_some_time(const space_ptr& where, const std::string& id) { forget(where, id); }

  /// Empty where commands in this space can be more than a request (outlive it, be signalled, have a login
  /// shell); else why not, in words.
  [[nodiscard]] virtual std::string limitation(const space& where) const = 0;
};

/// A command that was found alive, or ended, after the daemon came back.
struct found_command {
  std::string id;
  std::unique_ptr<running_command>
      command; ///< also of one that has ended: its last output and its end are read from it
  unique_fd history;
};

} // namespace clawdspace::spaces
