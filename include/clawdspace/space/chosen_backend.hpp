#pragma once

#include <clawdspace/space/doors.hpp>
#include <clawdspace/space/exec_door.hpp>
#include <clawdspace/space/exec_engine.hpp>

namespace clawdspace::spaces {

/// Through the door where there is one, or may soon be; else through the Engine, which can do less.
class chosen_backend final : public command_backend {
 public:
  chosen_backend(doors& all, door_backend& through_door, command_backend& through_engine)
      : doors_(all), door_(through_door), engine_(through_engine) {}

  task<std::unique_ptr<running_command>> start(space_ptr where, command_spec what) override;
  task<bool> end_rest(space_ptr where, std::string id) override;
  [[nodiscard]] bool is_unheard(const space& where) const override { return doors_.is_unheard(where); }
  task<> hear(space_ptr where) override;
  void forget(const space_ptr& where, const std::string& id) override;
  void forget_some_time(const space_ptr& where, const std::string& id) override;
  [[nodiscard]] std::string limitation(const space& where) const override;

 private:
  doors& doors_;
  door_backend& door_;
  command_backend& engine_;
};

} // namespace clawdspace::spaces
