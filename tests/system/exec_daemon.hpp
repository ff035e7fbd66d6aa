#pragma once

#include "child.hpp"

#include <boost/json.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

// A real daemon as a process of its own, over a real Engine.

namespace clawdspace::test {

namespace json = boost::json;

inline constexpr const char* key = "a-key-for-the-tests";

/// Whether commands enter spaces through the door here, or through the Engine's exec API: what
/// CLAWDSPACE_TEST_BACKEND (`door`, `engine`) says. The cases hold for both; one that only the door can do
/// holds the API to its refusal here.
bool over_the_door();

/// One daemon with a state folder, a port and an instance of its own, and the spaces that it made.
class exec_daemon {
 public:
  /// Starts it; `settings` are SECTION.KEY=VALUE, `engine` is the tests' own where it is empty.
  explicit exec_daemon(const std::vector<std::string>& settings = {}, std::string engine = "");
  exec_daemon(const exec_daemon&) = delete;
  exec_daemon& operator=(const exec_daemon&) = delete;
  ~exec_daemon() = default;

  /// Ends it with everything that it made: empty, or what was wrong with its end or its log.
  std::string end();
  /// SIGKILL. Returns when it is gone.
  void kill();
  /// Once more, on the state that it has. Throws std::runtime_error, with its log, where it does not come up.
  void start();

  [[nodiscard]] unsigned short port() const noexcept { return port_; }
  [[nodiscard]] std::size_t resident_kib() const;
  [[nodiscard]] std::string state_dir() const { return folder_.file("state"); }
  /// The Engine's URL.
  [[nodiscard]] const std::string& engine() const noexcept { return engine_; }
  /// The `docker` client on its Engine: its output. Fails the test where it fails.
  std::string docker(std::vector<std::string> arguments) const;

  /// Made once with these fields and kept; its name.
  std::string space(const std::string& kind, json::object fields = {});
  /// The name of its container.
  static std::string container(const std::string& space) { return "clawdspace-" + space; }

 private:
  void remove_spaces();
  [[nodiscard]] std::string log() const;

  temporary_folder folder_;
  std::string instance_;
  std::string engine_;
  std::vector<std::string> command_line_;
  int starts_ = 0;
  unsigned short port_ = 0;
  std::map<std::string, std::string> spaces_;
  std::unique_ptr<child> process_;
};

/// The one that the case talks to: an own_daemon while there is one, else the one that all cases of this
/// runner share, started with the first and ended after the last.
exec_daemon& daemon();

/// A daemon for one case, which may be killed.
class own_daemon {
 public:
  explicit own_daemon(const std::vector<std::string>& settings = {}, const std::string& engine = "");
  own_daemon(const own_daemon&) = delete;
  own_daemon& operator=(const own_daemon&) = delete;
  ~own_daemon();

  exec_daemon* operator->() noexcept { return &it_; }

 private:
  exec_daemon it_;
  exec_daemon* before_;
};

/// Whether it becomes true within the time.
bool comes_true(const std::function<bool()>& condition,
                std::chrono::milliseconds within = std::chrono::seconds(15));

} // namespace clawdspace::test
