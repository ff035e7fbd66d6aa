#pragma once

#include <clawdspace/core/nursery.hpp>
#include <clawdspace/space/command.hpp>
#include <clawdspace/space/lifecycle.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace clawdspace::spaces {

/// Where a command's input comes from: the body of a request.
class input_source {
 public:
  virtual ~input_source() = default;
  virtual task<std::size_t> read_some(std::span<std::byte> into) = 0; ///< 0: end-of-file
};

/// Where its output goes. What it takes its time for, the process waits for.
class output_sink {
 public:
  virtual ~output_sink() = default;
  virtual task<> begin() = 0; ///< the command has been started
  virtual task<> take(output_piece piece) = 0;
};

/// A command from its start to its end: wakes its space and keeps it awake, feeds and drains it, holds it to
/// its time, and ends its tree where the time is over or its caller has left.
class execution {
 public:
  struct request {
    command_spec command;                ///< its id is given here
    std::optional<milliseconds> timeout; ///< of running time: a frozen space's clock stands still
  };

  execution(const asio::any_io_executor& executor, lifecycle& operations, command_backend& backend,
            event_hub& events, space_ptr where, request what);

  [[nodiscard]] const std::string& id() const noexcept { return spec_.id; }

  /// Wakes the space and starts the command. Throws what a request about the space would be told.
  task<> start();

  /// Carries output and input until the command has ended; `caller_left` returns when nobody waits for it any
  /// more. Throws what `output` throws, and errc::client_left, when the tree has been ended.
  task<ending> run(output_sink& output, input_source* input, task<> caller_left);

 private:
  task<> carry_output(output_sink& output, nursery& siblings);
  task<> carry_input(input_source& input);
  task<> watch_time();
  task<> watch_caller(task<> caller_left);
  task<> end_tree(end_cause cause);
  task<> discard_output(nursery& siblings);
  task<> output_ended(nursery& siblings);
  task<> see_off();
  task<ending> conclude();

  asio::any_io_executor executor_;
  lifecycle& operations_;
  command_backend& backend_;
  event_hub& events_;
  space_ptr space_;
  command_spec spec_;
  std::optional<milliseconds> timeout_;
  std::chrono::steady_clock::time_point began_;
  lease lease_;
  std::unique_ptr<running_command> command_;
  end_cause cause_ = end_cause::none;
  std::optional<bool> confirmed_;
  event kill_answered_;
  bool was_asleep_ = false; ///< and is to sleep again once the tree is ended
};

} // namespace clawdspace::spaces
