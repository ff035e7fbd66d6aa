#pragma once

#include <clawdspace/core/clock.hpp>
#include <clawdspace/core/units.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace clawdspace::spaces {

using string_map = std::map<std::string, std::string, std::less<>>;

/// Where a space is in its life (design, section 5).
enum class space_state { creating, running, paused, stopped, destroying };
std::string_view to_string(space_state s) noexcept;

/// What a space's commands may become: `standard` has sudo, `strict` no way to root.
enum class profile { standard, strict };
std::string_view to_string(profile p) noexcept;
std::optional<profile> profile_from(std::string_view word) noexcept;

struct limits {
  bytes memory{};
  nano_cpus cpus{};
  std::int64_t pids = 0;
};

/// What was given for one space and can be changed; what was not given follows the configuration.
struct settings {
  std::optional<milliseconds> idle_timeout; ///< 0: never asleep
  std::optional<milliseconds> time_to_live; ///< from its creation on; 0: no end
  string_map metadata;
  std::set<std::uint16_t> public_ports; ///< whose preview anybody may see
};

/// POST /api/spaces, checked for shape; the lifecycle checks it against the host.
struct create_request {
  std::string name;
  std::optional<std::string> image;
  std::optional<bytes> memory;
  std::optional<nano_cpus> cpus;
  std::optional<std::int64_t> pids;
  std::vector<std::string> env; ///< `K=V`
  std::optional<std::string> network;
  std::optional<spaces::profile> profile;
  spaces::settings settings;
};

/// PATCH /api/spaces/{name}: only what is set changes. `std::optional<…>{}` inside a set field goes back to
/// the default.
struct change_request {
  std::optional<bytes> memory;
  std::optional<nano_cpus> cpus;
  std::optional<std::int64_t> pids;
  std::optional<std::optional<milliseconds>> idle_timeout;
  std::optional<std::optional<milliseconds>> time_to_live;
  std::optional<string_map> metadata;                        ///< replaces
  std::optional<std::pair<std::uint16_t, bool>> public_port; ///< one, and whether it is to be
};

/// What is fixed when a space is made, kept in its container's labels.
struct identity {
  std::string id; ///< ours; outlives a container that is replaced, and is never given again
  std::string name;
  std::string image;
  spaces::profile profile = spaces::profile::standard;
  std::string network;
  std::string image_user;     ///< the image's USER, as it stands there
  std::string image_work_dir; ///< the image's WORKDIR
  time_point created;
};

/// `[a-z0-9]([a-z0-9-]*[a-z0-9])?`, at most 56 characters. Throws errc::invalid_name, with the name that
/// would do where only case or underscores spoil it.
void check_name(std::string_view name);

} // namespace clawdspace::spaces
