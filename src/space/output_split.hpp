#pragma once

#include <clawdspace/core/revision.hpp>
#include <clawdspace/space/execution.hpp>

#include <chrono>
#include <cstddef>
#include <vector>

namespace clawdspace::spaces {

/// Parts a command's outputs: one goes to `main`, the other waits for a follower of its own, in one bounded
/// buffer; when that is full the command waits with it. Up to `patience` after the start; then it is dropped
/// if none has come.
class output_split final : public output_sink {
 public:
  /// `main` gets what is of `wanted`, and must live until `finish`.
  output_split(const asio::any_io_executor& executor, output_sink& main, channel wanted,
               milliseconds patience);

  task<> begin() override;
  task<> take(output_piece piece) override;
  /// There will be no more, and `main` is not called any more.
  void finish();

  /// What waits for a follower that may still come.
  [[nodiscard]] bool holds_something() const noexcept { return !dropping_ && !taken_ && !buffer_.empty(); }
  [[nodiscard]] std::chrono::steady_clock::time_point deadline() const noexcept { return deadline_; }

  /// Gives `output` what waits and what comes, until the end. False where it is too late, or there is one
  /// already, or `which` is not the other output.
  task<bool> follow(channel which, output_sink& output);

 private:
  task<> wait_for_room();
  [[nodiscard]] bool is_too_late() const;

  asio::any_io_executor executor_;
  output_sink* main_;
  channel wanted_;
  std::chrono::steady_clock::time_point deadline_;
  std::vector<std::byte> buffer_;
  bool taken_ = false;    ///< by a follower
  bool dropping_ = false; ///< nobody will take the other output any more
  bool over_ = false;
  revision changed_;
};

} // namespace clawdspace::spaces
