#pragma once

#include <clawdspace/core/config.hpp>

#include <span>
#include <string>

namespace clawdspace::app {

/// What the command line asks for.
struct command_line {
  enum class action { serve, check, version, help };
  action what = action::serve;
  configuration config; ///< defaults, then the file, the environment and the flags
};

/// Throws errc::invalid_field with a sentence for an option that is unknown or wrong.
command_line read_command_line(std::span<const char* const> arguments);

std::string help();

} // namespace clawdspace::app
