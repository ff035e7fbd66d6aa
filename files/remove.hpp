#pragma once

#include <cstdint>
#include <string>

namespace clawdspace::files {

/// Removes a name in an open folder, with all below it. Returns how many there were; throws the first failure
/// when it has gone through everything, with a field `removed`.
std::int64_t remove_tree(int folder, const std::string& name, const std::string& path);

/// The same for what was begun and cannot be finished: as far as it goes, also after a signal.
void remove_remains(int folder, const std::string& name) noexcept;

} // namespace clawdspace::files
