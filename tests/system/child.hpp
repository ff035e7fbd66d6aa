#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <thread>
#include <vector>

namespace clawdspace::test {

using namespace std::chrono_literals;
using bound = std::chrono::steady_clock::duration;

/// Asks again and again until it holds, for so long at most; whether it came to hold.
template <class Condition> bool eventually(Condition&& holds, bound limit = 10s) {
  const auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    if (std::invoke(holds)) return true;
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(20ms);
  }
}

/// A process that this test started: it never outlives the object.
class child {
 public:
  /// `environment` is laid over the test's own; an empty value takes a variable away. Both outputs go to the
  /// end of the file `output`. Throws std::system_error where the program cannot be started.
  child(const std::vector<std::string>& argv, const std::map<std::string, std::string>& environment,
        const std::string& output);
  child(const child&) = delete;
  child& operator=(const child&) = delete;
  ~child();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  void send(int signal) const;
  /// Its exit code, or 128 + the signal that ended it; none where it still runs after `limit`.
  std::optional<int> ended_within(bound limit);

 private:
  bool is_over();

  pid_t pid_ = -1;
  std::optional<int> code_;
};

/// A new folder under TMPDIR that goes with the object.
class temporary_folder {
 public:
  temporary_folder();
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  ~temporary_folder();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

struct program_result {
  int code = 0;       ///< as child::ended_within()
  std::string output; ///< both outputs, in the order written
};

/// Runs a program to its end. Throws std::runtime_error where it takes longer than `limit`.
program_result run_program(const std::vector<std::string>& argv,
                           const std::map<std::string, std::string>& environment = {}, bound limit = 60s);

std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& text);

} // namespace clawdspace::test
