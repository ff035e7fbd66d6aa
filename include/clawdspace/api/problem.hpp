#pragma once

#include <clawdspace/http/message.hpp>

#include <exception>

namespace clawdspace::api {

/// What a failure is to a client: its status, and `{"error": words, "code": word}` (with what `listening`
/// there is, where a connection found nobody). The one place where both are decided.
http::response to_response(const std::exception_ptr& failure);

} // namespace clawdspace::api
