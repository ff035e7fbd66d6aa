#pragma once

#include <string>
#include <sys/stat.h>

namespace clawdspace::files {

/// Gives an open file the mode, the times and, where that is allowed, the owner of another one. Where the
/// owner is not the same in the end, it does not run as its owner either: set-id bits are left out.
void set_attributes(int file, const struct stat& as);

/// The same for a name in an open folder that is not followed: of a symlink, the owner and the times.
void set_attributes_at(int folder, const std::string& name, const struct stat& as);

} // namespace clawdspace::files
