#pragma once

#include "child.hpp"

#include <boost/json/value.hpp>
#include <httplib.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace clawdspace::test {

/// What a test needs from script/test; a missing one ends the test with a sentence that says so.
std::string from_script(const char* variable);

/// The `docker` client on the tests' Engine; its output without the last line's end. Throws
/// std::runtime_error with the client's words where it fails.
std::string docker(std::vector<std::string> arguments);

struct answer {
  int status = 0;
  httplib::Headers headers;
  std::string text;
  boost::json::value json; ///< null where the body is none

  [[nodiscard]] std::string header(const std::string& name) const;
  /// A field of the object; "" where there is none, a text without its quotes.
  [[nodiscard]] std::string field(std::string_view name) const;
};

/// JSON over cpp-httplib, which shares nothing with the server. A call that gets no answer throws
/// std::runtime_error.
class api_client {
 public:
  api_client(int port, std::string key);

  answer get(const std::string& path) const { return call("GET", path, ""); }
  answer post(const std::string& path, const std::string& body = "") const {
    return call("POST", path, body);
  }
  answer patch(const std::string& path, const std::string& body) const { return call("PATCH", path, body); }
  answer del(const std::string& path) const { return call("DELETE", path, ""); }
  answer call(const std::string& method, const std::string& path, const std::string& body) const;

  /// A client with the key, for what the calls above do not do.
  [[nodiscard]] std::unique_ptr<httplib::Client> make() const;

 private:
  int port_;
  std::string key_;
};

/// The daemon of this build with a state folder, a port and an instance of its own. Goes with everything that
/// it made.
class daemon {
 public:
  /// `settings` are SECTION.KEY=VALUE; `engine` is the tests' own where it is empty.
  explicit daemon(std::vector<std::string> settings = {}, std::string engine = "");
  daemon(const daemon&) = delete;
  daemon& operator=(const daemon&) = delete;
  ~daemon();

  /// Starts it on the state that it has. Throws std::runtime_error with its log where it does not come up.
  void start();
  /// Sends the signal and waits, for `limit` at most; its exit code, or 128 + a signal.
  std::optional<int> stop(int signal, bound limit = 30s);
  void send(int signal) const { process_->send(signal); }
  std::optional<int> ended_within(bound limit) { return process_->ended_within(limit); }

  [[nodiscard]] const api_client& api() const { return *api_; }
  [[nodiscard]] const std::string& instance() const noexcept { return instance_; }
  [[nodiscard]] std::string state_dir() const { return folder_.file("state"); }
  [[nodiscard]] std::string log() const { return read_file(log_); }
  /// The program with its options, as start() runs it.
  [[nodiscard]] std::vector<std::string> command_line() const;
  [[nodiscard]] static std::map<std::string, std::string> environment();

 private:
  temporary_folder folder_;
  std::vector<std::string> settings_;
  std::string engine_;
  std::string instance_;
  std::string key_;
  std::string log_;
  int starts_ = 0;
  std::unique_ptr<child> process_;
  std::unique_ptr<api_client> api_;
};

/// A space with a name that no other run on this Engine uses; destroyed with the object.
class space {
 public:
  /// `fields` are further fields of create, as `"memory":"64m"`. Fails the test where it is not made.
  explicit space(const daemon& host, const std::string& fields = "");
  space(const space&) = delete;
  space& operator=(const space&) = delete;
  ~space();

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::string container() const { return "clawdspace-" + name_; }
  [[nodiscard]] std::string path(const std::string& rest = "") const { return "/api/spaces/" + name_ + rest; }
  [[nodiscard]] std::string state() const { return host_.api().get(path()).field("state"); }
  [[nodiscard]] bool becomes(std::string_view state, bound limit = 10s) const;
  /// A shell text run to its end: the answer of exec.
  answer run(const std::string& text) const;
  /// Its standard output.
  std::string shell(const std::string& text) const { return run(text).field("stdout"); }

 private:
  const daemon& host_;
  std::string name_;
};

/// A name for a space or a container that no other run uses.
std::string unique_name();

} // namespace clawdspace::test
