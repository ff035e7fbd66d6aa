#pragma once

#include "failure.hpp"
#include <clawdspace/core/unique_fd.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace clawdspace::files {

/// The parts of an archive's name: without empty ones and `.`. Throws failure, `outside`, for an absolute one
/// and one with `..`.
std::vector<std::string> parts_of(std::string_view name);

/// Opens folders below one, and never anything outside: no link is followed, not even one within.
class beneath {
 public:
  explicit beneath(int root) : root_(root) {}

  /// The folder that `parts`, but for the last, lead to; missing ones are made where that is asked for. It
  /// holds until the next call. Throws failure: `outside` at a link.
  int parent(const std::vector<std::string>& parts, bool make);

 private:
  int root_;
  std::vector<std::string> last_; // the folder that is open
  unique_fd folder_;
};

} // namespace clawdspace::files
