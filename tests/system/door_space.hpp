#pragma once

#include "child.hpp"
#include "door_peer.hpp"

#include <memory>
#include <string>
#include <vector>

namespace clawdspace::test {

enum class profile { standard, strict };

/// A container as the daemon makes one, whose init has opened the door to this test.
class door_space {
 public:
  /// `image`: the test image, where empty. `options` are of `docker run`.
  explicit door_space(profile p = profile::standard, const std::string& image = "",
                      const std::vector<std::string>& options = {});
  door_space(const door_space&) = delete;
  door_space& operator=(const door_space&) = delete;
  ~door_space();

  door_connection& door() { return *door_; }
  greeting& told() noexcept { return told_; }
  /// Lets go of the door, as a daemon that dies.
  void hang_up() { door_.reset(); }
  /// Waits for the next greeting.
  door_connection& reconnect(bound limit = 10s);
  /// The next connection, before its greeting.
  door_connection accept() { return listener_->accept(); }

  /// The options that every command here needs.
  [[nodiscard]] std::vector<std::string> options(std::vector<std::string> more = {}) const;
  /// The test's own hand in the space: the output of a program that the Engine brings in as uid 0.
  program_result as_root(std::vector<std::string> argv) const;
  /// Of PID 1, on the host.
  [[nodiscard]] pid_t init_pid() const;
  /// How many processes there are beside PID 1, zombies too.
  [[nodiscard]] int processes() const;
  /// How many of init's subreapers wait for a command. More than a few, and processes() counts the others.
  [[nodiscard]] int crew() const;
  /// Whether one whose arguments contain `mark` is there.
  [[nodiscard]] bool runs(const std::string& mark) const;
  [[nodiscard]] bool container_runs() const;
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  static constexpr int most_idle = 4;

  profile profile_;
  std::string name_;
  temporary_folder folder_;
  std::unique_ptr<door_listener> listener_;
  std::unique_ptr<door_connection> door_;
  greeting told_;
};

/// A variable that script/test sets, else this.
std::string from_environment(const char* name, const char* otherwise);

} // namespace clawdspace::test
