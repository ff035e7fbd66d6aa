#pragma once

#include <clawdspace/core/result.hpp>

#include <string>
#include <string_view>

namespace clawdspace {

std::string to_base64(std::string_view bytes);
/// Strict, padded (RFC 4648 section 4). Fails with errc::invalid_field.
result<std::string> from_base64(std::string_view text);

} // namespace clawdspace
