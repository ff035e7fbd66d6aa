#pragma once

#include "text.hpp"
#include <clawdspace/door/init_report.hpp>

namespace clawdspace::init {

/// A command and how it is to run. All text is NUL-terminated and outlives it.
struct command_spec {
  text id;
  text user;
  text image_user;
  text cwd;
  text image_cwd;
  bool strict = false;
  bool tty = false;
  bool shell = false;
  char* const* options = nullptr; // where the --keep options are
  size_t option_count = 0;
  char* const* argv = nullptr; // ends with a null pointer; at least one element

  /// Whether the request itself set this variable.
  bool keeps(text name) const;
};

bool is_id(text id);
bool is_token(text token);

/// Reads what follows `init exec`: ID OPTIONS -- ARGV…, ended by a null pointer. Returns null, or what is
/// wrong in words; `culprit` is then the argument that is.
const char* parse_command(char* const* arguments, command_spec& spec, text& culprit);

} // namespace clawdspace::init
