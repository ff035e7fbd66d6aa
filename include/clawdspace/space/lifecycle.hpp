#pragma once

#include <clawdspace/core/nursery.hpp>
#include <clawdspace/engine/client.hpp>
#include <clawdspace/space/folders.hpp>
#include <clawdspace/space/policy.hpp>
#include <clawdspace/space/registry.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

namespace clawdspace::spaces {

enum class sleep_depth { paused, stopped };

/// What can be done to spaces. Operations on one space take turns, those on different spaces do not wait for
/// each other. Once begun an operation runs to its end, also when the caller that asked for it has gone.
class lifecycle {
 public:
  lifecycle(const asio::any_io_executor& executor, engine::client& docker, registry& known, folders& state,
            clock& time, const policy& rules);

  /// Throws errc::invalid_field, errc::invalid_name, errc::name_taken, errc::image_not_found, or the Engine's
  /// errors; nothing is left behind then.
  task<space_ptr> create(create_request wanted);

  /// Called with each space before it is started, and when one is found.
  void before_start(std::function<void(const space_ptr&)> hook) { before_start_ = std::move(hook); }

  /// Makes it run and keeps it awake: the Engine is not called where it runs already. Throws
  /// errc::space_not_found or errc::conflict where it is gone or
  /// going.
  task<lease> wake(space_ptr s);

  /// As the API's stop and start: what already is so is fine.
  task<> stop(space_ptr s, sleep_depth depth);

  /// To sleep, where nobody uses it: false where somebody does. `also_held` leases are the caller's own.
  task<bool> put_to_sleep(space_ptr s, sleep_depth depth, int also_held = 0);

  /// Legal from every state; callers at the same time all succeed.
  task<> destroy(space_ptr s);

  task<> change(space_ptr s, change_request wanted);

  /// Asks the Engine what has become of it, and believes that.
  task<> refresh(space_ptr s);

  /// Its container is gone.
  void forget(const space_ptr& s);

  /// A container of ours that was not known.
  void adopt(const engine::container_summary& found);

  /// What the host has, once the Engine has told.
  void set_host(const engine::info& host);
  [[nodiscard]] const std::optional<engine::info>& host() const noexcept { return host_; }

  [[nodiscard]] const policy& rules() const noexcept { return rules_; }

  /// Lets operations that have begun end within `patience`, then cancels them.
  task<> close(milliseconds patience);

 private:
  /// An operation that callers wait for and that does not end with them.
  struct pending;
  std::shared_ptr<pending> begin(task<> operation);
  task<> to_its_end(task<> operation);
  static task<> wait_for(std::shared_ptr<pending> operation);
  static task<> run_to_its_end(std::shared_ptr<pending> about, task<> operation);

  task<> do_create(space_ptr s, std::vector<std::string> env);
  [[nodiscard]] engine::container_spec to_container(const space& s, std::vector<std::string> env) const;
  task<> make_container(space_ptr s, std::vector<std::string> env);
  task<> undo_create(space_ptr s) noexcept;
  task<> do_wake(space_ptr s);
  task<> do_stop(space_ptr s, sleep_depth depth);
  task<> do_put_to_sleep(space_ptr s, sleep_depth depth, int also_held, std::shared_ptr<bool> done);
  task<> do_destroy(space_ptr s);
  task<> do_change(space_ptr s, change_request wanted);
  task<> do_refresh(space_ptr s);

  task<> freeze(space_ptr s);
  task<> thaw(space_ptr s);
  task<> halt(space_ptr s);
  task<> start(space_ptr s);
  task<> believe_inspection(space_ptr s);

  void prepare(const space_ptr& s) const;
  void check_limits(const limits& wanted) const;
  [[nodiscard]] limits default_limits() const;

  asio::any_io_executor executor_;
  engine::client& docker_;
  registry& known_;
  folders& folders_;
  clock& clock_;
  const policy& rules_;
  std::function<void(const space_ptr&)> before_start_;
  std::optional<engine::info> host_;
  bool may_limit_files_ = true; ///< false once the Engine's own limit has proved lower
  std::map<std::string, std::shared_ptr<pending>> destroying_; ///< by the space's id
  nursery operations_;
};

} // namespace clawdspace::spaces
