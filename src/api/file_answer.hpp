#pragma once

#include <clawdspace/http/exchange.hpp>
#include <clawdspace/space/file_job.hpp>

#include <boost/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// How files go out: their headers, and their bytes.

namespace clawdspace::api {

/// Runs `work` while the client is there; throws errc::client_left where it left first.
task<> while_here(http::exchange& x, task<> work);

/// What a file of a space is served with: never as a page of ours, whatever its bytes look like.
http::fields headers_of_bytes(std::string_view type);
/// The same with what the files program has told of it: ETag, Last-Modified, X-File-Mode, X-File-Owner.
http::fields headers_of_file(const boost::json::object& told);

/// All that comes out of a job, or exactly `length` bytes of it, into the response that has been started.
/// Throws what became of it where it ends before.
task<> send_payload(http::exchange& x, spaces::file_job& job, std::optional<std::uint64_t> length);

} // namespace clawdspace::api
