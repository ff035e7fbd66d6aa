#pragma once

#include <clawdspace/http/exchange.hpp>
#include <clawdspace/space/file_job.hpp>

#include <boost/json.hpp>

#include <string>
#include <string_view>

namespace clawdspace::api {

http::fields headers_of_listing();

/// Answers with a page of a folder: `head` is what the job has said, and its entries follow.
task<> send_listing(http::exchange& x, spaces::file_job& job, const std::string& path,
                    const boost::json::object& head);

/// What an operation left out, as it tells at its end: `warnings`, the first of them, and how many there are.
void add_warnings(boost::json::object& into, const boost::json::object& told);

/// Throws errc::not_supported: `what` does not go without a door, with the reason why there is none.
[[noreturn]] void must_have_door(const spaces::space& where, std::string_view what);

} // namespace clawdspace::api
