#pragma once

#include "text.hpp"
#include <clawdspace/door/protocol.hpp>

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
  bool login = false;
  bool unhurried = false;
  char* const* options = nullptr; // where the --keep and --set options are
  size_t option_count = 0;
  char* const* argv = nullptr; // ends with a null pointer; at least one element, but with `login` none

  /// Whether the request itself set this variable.
  bool keeps(text name) const;
};

bool is_id(text id);
bool is_token(text token);

/// Which options there are.
enum class way_in : unsigned char { exec, door };

/// Reads what follows `init exec` or `spawn`: ID OPTIONS -- ARGV…, ended by a null pointer. Returns null, or
/// what is wrong in words; `culprit` is then the argument that is. What only PID 1 has to know (frame.hpp) is
/// passed over.
const char* parse_command(char* const* arguments, command_spec& spec, text& culprit,
                          way_in way = way_in::exec);

} // namespace clawdspace::init
