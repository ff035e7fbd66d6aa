#pragma once

#include <clawdspace/http/fields.hpp>

#include <string_view>

namespace clawdspace::api {

/// Whether a request brings the API key: `Authorization: Bearer KEY`, or `X-API-Key: KEY`, which leaves
/// `Authorization` to a server behind.
bool carries_key(const http::fields& headers, std::string_view key);

/// Takes it out, and sessions that stand for it, and leaves what is not ours.
void remove_key(http::fields& headers, std::string_view key);

} // namespace clawdspace::api
