#pragma once

#include <clawdspace/http/query.hpp>
#include <clawdspace/space/execution.hpp>

#include <boost/json.hpp>

#include <optional>
#include <string>

namespace clawdspace::api {

/// How an answer to exec comes.
enum class exec_stream { none, raw, ndjson };

struct exec_request {
  spaces::execution::request run;
  exec_stream stream = exec_stream::none;
  std::optional<spaces::channel> only; ///< of a raw stream
  milliseconds other_waits{1'000};     ///< with `only`: how long the other waits for a follower of its own
  std::optional<std::string> input;    ///< what the command reads; with `body_is_input` the request's body is
  bool body_is_input = false;
  bool open_input = false; ///< its input comes by requests of its own, and stays open between them
  bool detach = false;
};

/// POST with JSON: the command in the body, how it is answered in the query. All throw errc::invalid_command,
/// errc::invalid_field, errc::unknown_field, errc::not_supported.
exec_request exec_from_json(const boost::json::value& body, const http::query& query);
/// PUT, or POST with bytes: everything in the query.
exec_request exec_from_query(const http::query& query);

/// A terminal: a login shell where no command is given.
spaces::execution::request terminal_from_query(const http::query& query);

/// What a query gives of a terminal's size.
struct terminal_size {
  std::optional<int> rows;
  std::optional<int> columns;
};
terminal_size size_from_query(const http::query& query);
/// Of a client that attaches to a terminal: nothing else goes.
terminal_size attach_from_query(const http::query& query);

} // namespace clawdspace::api
