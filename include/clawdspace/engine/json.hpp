#pragma once

#include <clawdspace/engine/types.hpp>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <string>
#include <string_view>
#include <vector>

// The Engine's JSON and our types, without I/O. What may be null or absent in any API version reads as its
// zero value or as nothing; what has another type than the API gives it throws errc::engine_failed and names
// it.

namespace clawdspace::engine {

/// Throws errc::engine_failed where the text is not JSON. `what` names the answer in the sentence.
boost::json::value parse_answer(std::string_view text, std::string_view what);

/// The Engine's words in an error answer: its `message`, or the text itself, shortened, where it is no JSON.
std::string error_words(std::string_view body);

version read_version(const boost::json::value& from); ///< without `negotiated`
info read_info(const boost::json::value& from);
std::vector<container_summary> read_containers(const boost::json::value& from);
container_detail read_container(const boost::json::value& from);
image_detail read_image(const boost::json::value& from);
exec_detail read_exec(const boost::json::value& from);
stats read_stats(const boost::json::value& from);
path_stat read_path_stat(const boost::json::value& from);
engine_event read_event(const boost::json::value& from);
std::string read_id(const boost::json::value& from); ///< of what was created
std::vector<std::string> read_warnings(const boost::json::value& from);

boost::json::object to_json(const container_spec& spec);
boost::json::object to_json(const resource_update& change);
boost::json::object to_json(const exec_spec& spec);

} // namespace clawdspace::engine
