#pragma once

#include <clawdspace/http/exchange.hpp>
#include <clawdspace/http/fields.hpp>

#include <string>
#include <string_view>

// What is safe of a space's answers where.

namespace clawdspace::api {

/// For an answer below the API's path, which a browser takes for the dashboard's origin: nothing of it may
/// run there, nor change what the browser keeps for that origin (the dashboard keeps the key in it). `prefix`
/// is put before a redirection to a path of the server's, `host` being the name that it knows itself by.
void confine(http::fields& answer, std::string_view prefix, std::string_view host);

/// For an answer at an address of its own: its cookies stay with that one host.
void keep_cookies_to_host(http::fields& answer);

/// Whether a request is a browser's that shows a page.
bool wants_page(const http::request_head& head);

/// What a browser sees that has not been let in: says nothing about what there is.
http::response entry_page(std::string_view why);

} // namespace clawdspace::api
