#pragma once

#include <optional>
#include <string_view>
#include <sys/types.h>

namespace clawdspace::files {

/// The space's accounts, from /etc/passwd and /etc/group as they were at the first question: regular files
/// only, opened without waiting, at most 1 MiB of each. Empty where there is no name.
std::string_view user_name(uid_t uid);
std::string_view group_name(gid_t gid);
std::optional<uid_t> user_id(std::string_view name);
std::optional<gid_t> group_id(std::string_view name);

} // namespace clawdspace::files
