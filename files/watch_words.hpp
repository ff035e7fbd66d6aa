#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace clawdspace::files {

/// What the daemon says to `watch`.
struct watch_command {
  bool add = false; // else remove
  std::string id;
  bool recursive = false;
  std::string path;
};

/// Cuts what comes in on stdin into commands. Throws failure, `invalid`, for what is none: after that there
/// is no telling where the next one begins.
class watch_words {
 public:
  void feed(std::string_view bytes) { bytes_ += bytes; }
  /// The next whole command.
  std::optional<watch_command> next();

 private:
  std::string bytes_;
};

} // namespace clawdspace::files
