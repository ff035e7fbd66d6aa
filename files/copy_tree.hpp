#pragma once

#include "report.hpp"

#include <string>

namespace clawdspace::files {

/// Copies what stands at a name in an open folder, with all below it, to a name in another folder that is
/// free: modes, times, hard links and holes kept, owners where that is allowed. Sockets are left out with a
/// warning. Throws failure; what was made until then is gone again.
void copy_tree(int from, const std::string& name, int to, const std::string& new_name,
               const std::string& path, warnings& notes);

} // namespace clawdspace::files
