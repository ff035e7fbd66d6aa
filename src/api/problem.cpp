#include <clawdspace/api/bodies.hpp>
#include <clawdspace/api/problem.hpp>
#include <clawdspace/core/error.hpp>
#include <clawdspace/core/log.hpp>
#include <clawdspace/core/task.hpp>
#include <clawdspace/space/ports.hpp>

#include <boost/json.hpp>

#include <system_error>

namespace clawdspace::api {

namespace {

struct face {
  int status;
  const char* code;
};

face face_of(errc code) {
  switch (code) {
  case errc::malformed_request:
    return {400, "malformed_request"};
  case errc::invalid_json:
    return {400, "invalid_json"};
  case errc::unknown_field:
    return {400, "unknown_field"};
  case errc::invalid_field:
    return {400, "invalid_field"};
  case errc::invalid_name:
    return {400, "invalid_name"};
  case errc::invalid_command:
    return {400, "invalid_command"};
  case errc::unauthorized:
    return {401, "unauthorized"};
  case errc::route_not_found:
    return {404, "not_found"};
  case errc::space_not_found:
    return {404, "space_not_found"};
  case errc::command_not_found:
    return {404, "exec_not_found"};
  case errc::command_forgotten:
    return {410, "exec_gone"};
  case errc::image_not_found:
    return {404, "image_not_found"};
  case errc::method_not_allowed:
    return {405, "method_not_allowed"};
  case errc::name_taken:
    return {409, "name_taken"};
  case errc::conflict:
    return {409, "conflict"};
  case errc::no_history:
    return {409, "no_history"};
  case errc::body_too_large:
    return {413, "body_too_large"};
  case errc::unsupported_media_type:
    return {415, "unsupported_media_type"};
  case errc::offset_out_of_range:
    return {416, "offset_out_of_range"};
  case errc::origin_refused:
    return {403, "origin_refused"};
  case errc::upgrade_required:
    return {426, "upgrade_required"};
  case errc::too_many_requests:
    return {429, "too_many_spaces"};
  case errc::client_left:
    return {400, "client_left"};
  case errc::not_supported:
    return {501, "not_supported"};
  case errc::door_too_old:
    return {501, "door_too_old"};
  case errc::nothing_listens:
    return {502, "nothing_listens"};
  case errc::connection_refused:
    return {502, "connection_refused"};
  case errc::bad_answer:
    return {502, "bad_answer"};
  case errc::port_timed_out:
    return {504, "port_timed_out"};
  case errc::connection_lost:
    return {502, "connection_lost"};
  case errc::engine_failed:
    return {502, "engine_failed"};
  case errc::engine_unavailable:
    return {503, "engine_unavailable"};
  case errc::shutting_down:
    return {503, "shutting_down"};
  case errc::overloaded:
    return {503, "overloaded"};
  case errc::engine_timed_out:
    return {504, "engine_timed_out"};
  case errc::internal:
    break;
  }
  return {500, "internal"};
}

struct told {
  int status;
  std::string code;
  std::string words;
  boost::json::object more{}; ///< further fields
};

told tell(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const spaces::nothing_listens& e) {
    const auto [status, code] = face_of(e.code());
    boost::json::array listening;
    for (const auto& one : e.instead()) listening.push_back(to_json(one));
    return {status, code, e.what(), {{"listening", std::move(listening)}}};
  } catch (const error& e) {
    const auto [status, code] = face_of(e.code());
    return {status, code, e.what()};
  } catch (const std::system_error& e) {
    if (is_timeout(e)) return {408, "request_timed_out", "nothing came within the time that a request gets"};
    if (e.code() == asio::error::operation_aborted) return {503, "shutting_down", "the server is stopping"};
    log_error("a request failed inside the server", {field("reason", e.what())});
  } catch (const std::exception& e) {
    log_error("a request failed inside the server", {field("reason", e.what())});
  }
  return {500, "internal", "something went wrong inside the server; its log says more"};
}

} // namespace

http::response to_response(const std::exception_ptr& failure) {
  auto [status, code, words, more] = tell(failure);
  http::response answer;
  answer.status = status;
  answer.headers.add("Content-Type", "application/json");
  if (status == 401) answer.headers.add("WWW-Authenticate", "Bearer realm=\"clawdspace\"");
  if (status == 426) {
    answer.headers.add("Upgrade", "websocket");
    answer.headers.add("Sec-WebSocket-Version", "13");
  }
  if (status == 503) answer.headers.add("Retry-After", "1");
  boost::json::object body{{"error", words}, {"code", code}};
  for (auto& [name, value] : more) body[name] = std::move(value);
  answer.body = boost::json::serialize(body) + "\n";
  return answer;
}

} // namespace clawdspace::api
