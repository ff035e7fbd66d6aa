#pragma once

#include <clawdspace/core/unique_fd.hpp>

#include <chrono>
#include <deque>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/types.h>
#include <vector>

namespace clawdspace::test {

using namespace std::chrono_literals;
using bound = std::chrono::steady_clock::duration;

/// A frame of <clawdspace/door/protocol.hpp> as it came.
struct door_frame {
  std::vector<std::string> words;
  std::vector<unique_fd> fds;

  /// All words, with spaces between them.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] const std::string& word(std::size_t i) const { return words.at(i); }
};

/// The daemon's side of one connection, without the daemon: it sends what a test says, also what is wrong,
/// and hands out what comes. Everything that waits has a bound, and throws std::runtime_error when it is up.
class door_connection {
 public:
  explicit door_connection(unique_fd socket) : socket_(std::move(socket)) {}

  void send(const std::vector<std::string>& words, const std::vector<int>& fds = {});
  void send_bytes(const std::string& bytes, const std::vector<int>& fds = {});
  /// The next frame.
  door_frame receive(bound limit = 10s);
  /// The next frame about this command; others are kept for who asks for them.
  door_frame receive_about(const std::string& id, bound limit = 10s);
  /// Whether nothing comes about this command for so long.
  bool is_silent_about(const std::string& id, bound limit);
  /// Whether init closes the connection, whatever it sends before.
  bool is_closed(bound limit = 5s);
  [[nodiscard]] int fd() const noexcept { return socket_.value(); }

 private:
  std::optional<door_frame> next(bound limit); // empty: the time is up

  unique_fd socket_;
  std::deque<door_frame> kept_;
};

/// What init told at a greeting.
struct greeting {
  std::string version;
  std::string life;
  std::vector<door_frame> commands;
};

/// A socket in a space's folder, for its init to connect to.
class door_listener {
 public:
  explicit door_listener(std::string folder);
  door_listener(const door_listener&) = delete;
  door_listener& operator=(const door_listener&) = delete;
  ~door_listener();

  /// The next connection, before a word was said.
  door_connection accept(bound limit = 10s);
  /// The same, after the greeting.
  door_connection greet(greeting& told, bound limit = 10s);

 private:
  std::string path_;
  unique_fd socket_;
};

struct pipe_ends {
  unique_fd read;
  unique_fd write;
};

pipe_ends make_pipe();
unique_fd make_memfd(const std::string& content, bool sealed);

/// A command as a test sees it.
struct door_command {
  std::string id;
  unique_fd in;
  unique_fd out;
  unique_fd err;
  unique_fd master; // of a terminal, from the `started` frame
  pid_t pid = -1;
};

/// Sends `spawn` with pipes as the options have it (--input, --tty, --outlive with a memfd for its history).
door_command spawn(door_connection& door, const std::string& id, std::vector<std::string> options,
                   const std::vector<std::string>& argv);
/// The same as `spawn-large`.
door_command spawn_large(door_connection& door, const std::string& id, std::vector<std::string> options,
                         const std::vector<std::string>& argv);
/// Waits for `started`, and takes what came with it.
void await_start(door_connection& door, door_command& command, bound limit = 10s);

/// All bytes up to the end.
std::string read_all(const unique_fd& from, bound limit = 10s);
/// The bytes up to and with `wanted`; a terminal's end (EIO) ends it too. Throws with what came instead.
std::string read_until(const unique_fd& from, const std::string& wanted, bound limit = 10s);
void write_all(const unique_fd& to, const std::string& bytes);

/// Starts a command, and waits for its end and all of its output.
struct door_result {
  std::string out;
  std::string err;
  std::string end; // the last frame as text: `ended …` or `failed …`
};

door_result run_through(door_connection& door, const std::string& id, std::vector<std::string> options,
                        const std::vector<std::string>& argv);

} // namespace clawdspace::test
