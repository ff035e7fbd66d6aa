#pragma once

#include <clawdspace/core/task.hpp>
#include <clawdspace/door/listening.hpp>
#include <clawdspace/http/exchange.hpp>
#include <clawdspace/space/policy.hpp>
#include <clawdspace/space/space.hpp>

#include <boost/json.hpp>

// Requests about spaces in, spaces out: the JSON of api.md and docs/openapi.yaml.

namespace clawdspace::api {

/// The body as JSON; an empty one is an empty object. Throws errc::unsupported_media_type for a type that is
/// neither JSON nor curl's default, errc::invalid_json, errc::body_too_large.
task<boost::json::value> read_json(http::exchange& x, bytes limit);

spaces::create_request to_create_request(const boost::json::value& body);
spaces::change_request to_change_request(const boost::json::value& body);

/// `{"K": "V"}` as `K=V`; throws errc::invalid_field for a name that cannot be one and for a NUL.
std::vector<std::string> environment_in(const boost::json::value& value);

boost::json::object to_json(const spaces::space& s, const spaces::policy& rules);

http::response json_response(int status, const boost::json::value& body);

/// `{"protocol", "address", "port"}`, of a unix socket `{"protocol", "path"}`; and `process` where it is
/// known.
boost::json::object to_json(const door::listening& l);

} // namespace clawdspace::api
