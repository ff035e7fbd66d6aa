#pragma once

#include <clawdspace/core/nursery.hpp>
#include <clawdspace/space/doors.hpp>
#include <clawdspace/space/file_job.hpp>
#include <clawdspace/space/lifecycle.hpp>

#include <chrono>
#include <memory>
#include <string_view>

namespace clawdspace::spaces {

/// Starts the files program in spaces, through their doors.
class files {
 public:
  files(const asio::any_io_executor& executor, registry& known, lifecycle& operations, doors& all)
      : executor_(executor), known_(known), operations_(operations), doors_(all), farewells_(executor) {}

  /// Wakes the space and starts it. Nothing where the space has no door, and the space is kept awake for
  /// `held` then. Throws what `lifecycle::wake` does; errc::invalid_field for a user that the space does not
  /// know, errc::overloaded, errc::not_supported where the space has no such program.
  task<std::unique_ptr<file_job>> start(space_ptr where, file_request what, lease& held);

  /// Whether a command's id is that of a run of the files program.
  [[nodiscard]] static bool is_job(std::string_view id);

  /// Lets what ends come to its end, within `patience`.
  task<> close(std::chrono::milliseconds patience);

 private:
  friend class file_job;

  asio::any_io_executor executor_;
  registry& known_;
  lifecycle& operations_;
  doors& doors_;
  nursery farewells_;
};

} // namespace clawdspace::spaces
