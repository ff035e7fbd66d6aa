#pragma once

#include <clawdspace/core/config.hpp>

#include <string>

namespace clawdspace::app {

/// The key as configured, or from the key file; empty where there is none. Throws errc::invalid_field for one
/// that is missing, short or well known where others than this machine can reach us.
std::string check_key(const configuration& config);

/// The API key: as above, else made on the first run and kept in the state folder (mode 0600).
std::string find_key(const configuration& config);

} // namespace clawdspace::app
