#pragma once

#include <clawdspace/space/policy.hpp>
#include <clawdspace/space/usage.hpp>

#include <boost/json.hpp>

namespace clawdspace::api {

/// `Usage` of docs/openapi.yaml: zeros for a space that does not run, null what is not known (yet).
boost::json::object usage_to_json(const spaces::space& s, const spaces::usage_record* seen, time_point now);

/// `UsageHistory`: what was seen in the last hour.
boost::json::object history_to_json(const spaces::usage_record* seen);

/// `SpaceUsage`, what a list shows of a space beside its state; without the time, so that it changes only
/// with what it says.
boost::json::object brief_usage(const spaces::space& s, const spaces::usage_record* seen,
                                const spaces::policy& rules);

} // namespace clawdspace::api
