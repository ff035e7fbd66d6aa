#pragma once

#include <clawdspace/core/unique_fd.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace clawdspace::files {

/// The names in an open folder, `.` and `..` left out, in the filesystem's order. Throws failure: `not_found`
/// where the folder was deleted.
std::vector<std::string> names_in(int folder, std::string_view path);

/// Opens a folder to be read, in another; a link is followed only where that is asked for. Throws failure.
unique_fd open_folder_at(int folder, const std::string& name, std::string_view path,
                         bool follow_link = false);

} // namespace clawdspace::files
