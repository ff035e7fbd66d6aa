#pragma once

#include <cstdint>
#include <string>

namespace clawdspace::files {

/// Removes a name in an open folder, with all below it. Returns how many there were; throws the first failure
/// when it has gone through everything, with a field `removed`.
std::int64_t remove_tree(int folder, const std::string& name, const std::string& path);

} // namespace clawdspace::files
