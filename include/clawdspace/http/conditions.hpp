#pragma once

#include <clawdspace/http/message.hpp>

#include <cstdint>
#include <string_view>

namespace clawdspace::http {

/// One representation of a resource, as conditions ask about it.
struct representation {
  std::string_view etag; ///< strong, with its quotes
  std::int64_t modified = 0;
  std::uint64_t size = 0;
};

/// What a GET or HEAD is answered with: 200, 206 with a part, 304, 412, or 416.
struct decision {
  int status = 200;
  std::uint64_t first = 0;
  std::uint64_t length = 0;
};

/// Evaluates the conditions in their order (RFC 9110 section 13.2.2) and then a single range of bytes
/// (section 14.2). A range that is malformed, of another unit or one of several is left out of account: the
/// whole is sent.
decision decide(const request_head& head, const representation& of);

} // namespace clawdspace::http
