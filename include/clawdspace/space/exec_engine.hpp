#pragma once

#include <clawdspace/core/nursery.hpp>
#include <clawdspace/engine/client.hpp>
#include <clawdspace/space/command.hpp>
#include <clawdspace/space/lifecycle.hpp>

#include <functional>
#include <map>
#include <string>

namespace clawdspace::spaces {

/// Commands through the Engine's exec API: `init exec` becomes the command inside and reports how it ended.
/// What the Engine imposes: both outputs share one stream; 2 s after the process's end the Engine drops what
/// was not read.
class engine_backend final : public command_backend {
 public:
  engine_backend(const asio::any_io_executor& executor, engine::client& docker, lifecycle& operations);

  task<std::unique_ptr<running_command>> start(space_ptr where, command_spec what) override;
  task<bool> end_rest(space_ptr where, std::string id) override;
  void forget(const space_ptr& where, const std::string& id) override;
  [[nodiscard]] std::string limitation(const space& where) const override;

  /// From the event stream: an exec's process has ended, so what is left of its output must be read at once.
  void take(const engine::engine_event& event);

  /// Ends what it still does for commands that are over.
  task<> close();

 private:
  friend class engine_command;

  task<std::string> create(space_ptr where, engine::exec_spec spec);
  task<bool> run_kill(space_ptr where, std::string id);
  task<> end_unseen(space_ptr where, std::string id);
  task<> drain(std::unique_ptr<engine::exec_stream> stream);

  asio::any_io_executor executor_;
  engine::client& docker_;
  lifecycle& operations_;
  std::map<std::string, std::function<void()>, std::less<>> on_die_; ///< by exec id
  nursery farewells_;
};

} // namespace clawdspace::spaces
