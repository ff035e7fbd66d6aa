#pragma once

#include "child.hpp"

#include <string>
#include <sys/types.h>

namespace clawdspace::test {

/// A Docker Engine of one case's own, with the image for the tests, which may be killed: what script/lib
/// makes where there is no other, in a clone of its own. Needs root.
class private_engine {
 public:
  private_engine();
  private_engine(const private_engine&) = delete;
  private_engine& operator=(const private_engine&) = delete;
  ~private_engine();

  [[nodiscard]] const std::string& url() const noexcept { return url_; }
  /// SIGKILL. Returns when it is gone; the containers live on.
  void kill() const;
  /// Starts it where it does not run.
  void start();

 private:
  /// A text for a shell in which the script's libraries are loaded; what it prints. Throws
  /// std::runtime_error where it fails.
  [[nodiscard]] std::string run(const std::string& text, bound limit = std::chrono::seconds(120)) const;

  temporary_folder clone_;
  std::string url_;
  pid_t pid_ = -1;
};

} // namespace clawdspace::test
