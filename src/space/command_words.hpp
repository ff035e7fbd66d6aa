#pragma once

#include <clawdspace/space/command.hpp>

#include <string>
#include <vector>

namespace clawdspace::spaces {

/// The options by which init knows who a command is to be and where: the same for `init exec` and `spawn`.
std::vector<std::string> command_options(const space& where, const command_spec& what);

/// The name in `K=V`.
std::string variable_name(const std::string& variable);

} // namespace clawdspace::spaces
