#pragma once

#include <clawdspace/engine/types.hpp>
#include <clawdspace/space/space.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace clawdspace::spaces {

/// The label by which our containers are known: `clawdspace.instance=NAME`.
std::string instance_label(std::string_view instance);

/// `clawdspace-NAME`, the container of a space.
std::string container_name(std::string_view name);

/// What a space's container carries: who it is and its first settings. Labels cannot change afterwards.
string_map to_labels(const space& s, std::string_view instance);

/// What labels say of a container, read without trust: nothing where they are not a space's.
struct labelled {
  identity self;
  spaces::limits limits;
  spaces::settings settings;
};
std::optional<labelled> from_labels(const engine::container_summary& container);

/// The state that the Engine's word for a container means.
space_state to_space_state(engine::container_state state) noexcept;

} // namespace clawdspace::spaces
