#pragma once

#include <clawdspace/door/door.hpp>

#include <vector>

namespace clawdspace::door {

/// What an init has said before `ready`.
struct door::greeting {
  struct known {
    known_command told;
    descriptors with;
  };
  std::optional<hello> opening;
  std::vector<known> commands;
};

} // namespace clawdspace::door
