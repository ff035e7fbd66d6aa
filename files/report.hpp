#pragma once

#include "failure.hpp"
#include "json_line.hpp"

#include <string>
#include <vector>

namespace clawdspace::files {

/// Writes a line to stderr, where the daemon reads heads and ends. One that nobody takes is let go.
void report(const json_line& line);

/// A refusal as such a line has it.
json_line refusal_line(const failure& why);

/// Small things that went otherwise than asked, kept up to protocol.hpp's limit.
class warnings {
 public:
  void add(const failure& why);
  void add(std::string words);
  void add_to(json_line& line) const;

 private:
  std::vector<std::string> kept_;
  std::size_t count_ = 0;
};

} // namespace clawdspace::files
