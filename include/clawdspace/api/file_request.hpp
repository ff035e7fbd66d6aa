#pragma once

#include <clawdspace/http/exchange.hpp>
#include <clawdspace/space/file_job.hpp>

#include <boost/json.hpp>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

// What a client asks of files, as the files program takes it.

namespace clawdspace::api {

/// The path in the space that a URL's rest stands for: decoded once, absolute, or `~` and what is below it.
/// Throws errc::malformed_request for a malformed escape, errc::invalid_field for a NUL.
std::string file_path(std::string_view rest);

/// The same path as a URL of the API.
std::string file_url(std::string_view space, std::string_view path);

/// The query of a request about files.
struct file_query {
  std::string user;
  std::optional<std::string> mode;
  bool parents = false;
  bool recursive = false;
  std::optional<std::int64_t> limit;
  std::optional<std::string> after;
};
/// Throws errc::unknown_field for a parameter that is not among `known`, errc::invalid_field.
file_query file_query_from(const http::query& query, std::initializer_list<std::string_view> known);

/// `0644` and the like. Throws errc::invalid_field.
std::string mode_in(std::string_view text);

/// The conditions of a GET or HEAD, and its single range, as options (RFC 9110 sections 13.1 and 14.2). A
/// range of another unit, or several, are left out of account.
std::vector<std::string> read_options(const http::request_head& head);
/// Those of a PUT or DELETE that are etags. Throws errc::malformed_request for one that a DELETE cannot have.
std::vector<std::string> change_options(const http::request_head& head);

/// POST …/files/{path}. Throws as `fields_of` does.
spaces::file_request operation_from(const boost::json::value& body, const std::string& path);

/// An entry that the files program has told, as clients see it. What is not of the form that it should be is
/// left out: it comes out of a space.
boost::json::object to_entry(const boost::json::object& told);

/// Puts bytes that may be no UTF-8 as `name`, and as `nameEncoded` where they are not.
void put_text(boost::json::object& into, std::string_view name, std::string_view bytes);

/// Of a file, or an empty text.
std::string etag_in(const boost::json::object& told);
std::optional<std::int64_t> number_in(const boost::json::object& told, std::string_view name);
std::string text_in(const boost::json::object& told, std::string_view name);
bool flag_in(const boost::json::object& told, std::string_view name);

} // namespace clawdspace::api
