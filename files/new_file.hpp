#pragma once

#include "paths.hpp"

#include <string>
#include <sys/types.h>

namespace clawdspace::files {

/// A name that nobody has, for the moment before a rename: `.clawdspace-` and 16 hex digits.
std::string hidden_name();

/// A file in the making: without a name where the filesystem can (O_TMPFILE), so that even a SIGKILL leaves
/// nothing behind; else, and in the instant before it takes another one's place, under a hidden name in the
/// same folder. What is not committed is gone.
class new_file {
 public:
  /// In an open folder, mode 0600. Throws failure with `path` in its words.
  new_file(int folder, std::string path);
  new_file(const new_file&) = delete;
  new_file& operator=(const new_file&) = delete;
  ~new_file();

  [[nodiscard]] int value() const noexcept { return file_.value(); }

  enum class existing : unsigned char { replaced, refused };
  /// Gives it its name. Throws failure: `exists` where it is not to replace what is there.
  void commit(const std::string& name, existing there);

 private:
  bool link_as(const std::string& name);

  int folder_;
  std::string path_;
  std::string hidden_; // empty: it has no name
  unique_fd file_;
};

/// Moves a hidden name over another, or where nothing is to be replaced, to one that is free. Throws failure.
void take_name(int folder, const std::string& hidden, const std::string& name, new_file::existing there,
               std::string_view path);

} // namespace clawdspace::files
