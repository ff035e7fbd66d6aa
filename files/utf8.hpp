#pragma once

#include <string>
#include <string_view>

namespace clawdspace::files {

/// The length of the well-formed UTF-8 sequence (RFC 3629) that `bytes` begins with; 0 where there is none.
std::size_t sequence_length(std::string_view bytes);

bool is_utf8(std::string_view bytes);

/// Every byte but RFC 3986's unreserved as %XX.
std::string percent_encoded(std::string_view bytes);

} // namespace clawdspace::files
