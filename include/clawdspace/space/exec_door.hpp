#pragma once

#include <clawdspace/core/nursery.hpp>
#include <clawdspace/space/command.hpp>
#include <clawdspace/space/doors.hpp>
#include <clawdspace/space/policy.hpp>
#include <clawdspace/space/starts.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace clawdspace::spaces {

/// Memory for what was just read: lent while a command's output is under way, so that a thousand commands
/// that wait hold none.
class read_buffers {
 public:
  static constexpr std::size_t small = std::size_t{64} << 10;
  static constexpr std::size_t large = std::size_t{256} << 10; ///< for one that floods

  using buffer = std::vector<std::byte>;
  buffer lend(std::size_t size);
  void give_back(buffer b);

 private:
  std::vector<buffer> free_small_;
  std::vector<buffer> free_large_;
};

/// Commands through a space's door: init forks them, the pipes are the daemon's own, and no byte of output is
/// touched on its way here.
class door_backend final : public command_backend {
 public:
  door_backend(const asio::any_io_executor& executor, doors& all, const policy& rules);

  /// Throws errc::overloaded where the door is shut, or too few descriptors are left.
  task<std::unique_ptr<running_command>> start(space_ptr where, command_spec what) override;
  task<bool> end_rest(space_ptr where, std::string id) override;
  void forget(const space_ptr& where, const std::string& id) override;
  void forget_some_time(const space_ptr& where, const std::string& id) override;
  [[nodiscard]] std::string limitation(const space& where) const override;

  /// Who takes over what spaces kept for a daemon before this one. What nobody takes stays with its space.
  void on_found(std::function<void(space_ptr, found_command)> take) { on_found_ = std::move(take); }

 private:
  friend class door_command;

  void take_strangers(const space_ptr& where, const std::shared_ptr<door::door>& at, doors::strangers found);

  asio::any_io_executor executor_;
  doors& doors_;
  const policy& rules_;
  read_buffers buffers_;
  starts starts_;
  std::function<void(space_ptr, found_command)> on_found_;
};

} // namespace clawdspace::spaces
