#pragma once

#include <cerrno>
#include <string>
#include <string_view>

namespace clawdspace::files {

/// Why an operation is refused. Thrown, and told once, as the head or the end line (protocol.hpp).
struct failure {
  std::string_view code; // one of protocol.hpp's, a literal
  std::string words;
  int number = 0;         // of errno, or 0
  std::string extra = {}; // further fields, JSON without braces
};

/// The protocol's code for an errno.
std::string_view code_of(int number);

/// `ENOENT` and so on; empty for those without a name here.
std::string_view name_of(int number);

/// A failure whose words are the path and what the errno means.
failure failure_of(std::string_view path, int number = errno);

/// A path as it stands in words: cut off when it is very long.
std::string shown(std::string_view path);

} // namespace clawdspace::files
