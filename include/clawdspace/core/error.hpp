#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace clawdspace {

/// What went wrong, free of any protocol. `api/problem` gives each its HTTP status and its name on the wire,
/// once.
enum class errc {
  // what a client can cause
  malformed_request,
  invalid_json,
  unknown_field,
  invalid_field,
  invalid_name,
  invalid_command,
  body_too_large,
  unsupported_media_type,
  unauthorized,
  route_not_found,
  method_not_allowed,
  space_not_found,
  command_not_found,
  command_forgotten,
  name_taken,
  conflict,
  no_history,
  image_not_found,
  offset_out_of_range,
  file_refused, ///< spaces::file_error says more
  not_supported,
  too_many_requests,
  upgrade_required,
  origin_refused,
  client_left,
  // what a space does
  nothing_listens,
  connection_refused,
  connection_lost,
  bad_answer,
  port_timed_out,
  door_too_old,
  // what the Engine does
  engine_failed,
  space_failed, ///< what runs in a space for us
  engine_unavailable,
  engine_timed_out,
  // what the daemon does
  shutting_down,
  overloaded,
  internal,
};

/// The one exception that crosses layers: a code and a sentence that names the thing it happened to.
class error : public std::runtime_error {
 public:
  error(errc code, const std::string& what) : std::runtime_error(what), code_(code) {}

  [[nodiscard]] errc code() const noexcept { return code_; }

 private:
  errc code_;
};

} // namespace clawdspace
