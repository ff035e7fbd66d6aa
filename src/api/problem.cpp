#include <clawdspace/api/bodies.hpp>
#include <clawdspace/api/problem.hpp>
#include <clawdspace/core/error.hpp>
#include <clawdspace/core/log.hpp>
#include <clawdspace/core/task.hpp>
#include <clawdspace/space/file_error.hpp>
#include <clawdspace/space/ports.hpp>

#include <boost/json.hpp>

#include <array>
#include <string>
#include <string_view>
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
  case errc::file_refused: // what a file_error is, it says itself
    return {409, "file_refused"};
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
  case errc::space_failed:
    return {502, "space_failed"};
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

/// Refusals of files/protocol.hpp. What a space says beyond them is a failure there.
face face_of(const spaces::file_error& e) {
  struct known {
    std::string_view word;
    face shown;
  };
  static constexpr std::array all{
      known{"not_found", {404, "not_found"}},
      known{"not_a_folder", {409, "not_a_folder"}},
      known{"is_a_folder", {409, "is_a_folder"}},
      known{"not_a_file", {409, "not_a_file"}},
      known{"exists", {409, "exists"}},
      known{"not_empty", {409, "not_empty"}},
      known{"busy", {409, "busy"}},
      known{"too_many_links", {409, "too_many_links"}},
      known{"changed", {409, "changed"}},
      known{"name_too_long", {400, "name_too_long"}},
      known{"invalid", {400, "invalid_path"}},
      known{"incomplete", {400, "incomplete"}},
      known{"bad_archive", {400, "bad_archive"}},
      known{"outside", {400, "outside"}},
      known{"not_allowed", {403, "not_allowed"}},
      known{"read_only", {403, "read_only"}},
      known{"precondition", {412, "precondition_failed"}},
      known{"too_large", {413, "file_too_large"}},
      known{"range", {416, "range_not_satisfiable"}},
      known{"watch_limit", {503, "watch_limit"}},
      known{"canceled", {503, "canceled"}},
      known{"no_space", {507, "no_space"}},
  };
  for (const auto& one : all)
    if (one.word == e.word()) return one.shown;
  return {500, "file_failed"};
}

bool is_tag(std::string_view text) {
  return text.size() > 2 && text.size() < 80 && text.front() == '"' && text.back() == '"' &&
         text.find_first_not_of("0123456789abcdef-", 1) == text.size() - 1;
}

// What a client needs to go on from there (RFC 9110 sections 14.4 and 8.8.3).
void add_validators(http::response& answer, const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const spaces::file_error& e) {
    if (is_tag(e.etag)) answer.headers.add("ETag", e.etag);
    if (e.size && answer.status == 416)
      answer.headers.add("Content-Range", "bytes */" + std::to_string(*e.size));
  } catch (...) { // it is told already
  }
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
  } catch (const spaces::file_error& e) {
    const auto [status, code] = face_of(e);
    return {status, code, e.what(), {}};
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
  if (status == 412 || status == 416) add_validators(answer, failure);
  boost::json::object body{{"error", words}, {"code", code}};
  for (auto& [name, value] : more) body[name] = std::move(value);
  answer.body = boost::json::serialize(body) + "\n";
  return answer;
}

} // namespace clawdspace::api
