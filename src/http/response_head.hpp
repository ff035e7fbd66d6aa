#pragma once

#include <clawdspace/http/exchange.hpp>
#include <clawdspace/http/message.hpp>

#include <string>
#include <string_view>

namespace clawdspace::http {

/// How a response's body is delimited (RFC 9112 section 6.3).
enum class framing {
  none,    ///< no body by its status
  length,  ///< Content-Length
  chunked, ///< until the last chunk
  closing, ///< until the connection closes: HTTP/1.0
};

struct response_frame {
  framing body = framing::none;
  std::uint64_t length = 0;
  bool keep_alive = true;
  int version_minor = 1; ///< of the request
  std::string_view date;
  std::string_view id;
  std::string_view trailers; ///< the value of `Trailer`
};

/// Whether responses of that status have a body at all.
bool has_body(int status) noexcept;

/// Writes the status line and headers, with the empty line, into `out`. What frames the message is said here
/// alone: such lines in `headers` are left out (`Upgrade` gets its `Connection`), but for the Content-Length
/// of a response without its body. Throws errc::internal for a header that would end its line.
void write_head(std::string& out, int status, const fields& headers, const response_frame& frame);

/// The same for a response that is passed on.
void write_relayed_head(std::string& out, const relayed_head& head, const response_frame& frame);
/// A 1xx.
void write_interim_head(std::string& out, int status, const fields& headers);

/// Header or trailer lines as they go out. Throws errc::internal for one that would end its line.
void write_field(std::string& out, std::string_view name, std::string_view value);

} // namespace clawdspace::http
