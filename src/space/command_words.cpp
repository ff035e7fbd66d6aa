#include "command_words.hpp"

#include <clawdspace/door/init_report.hpp>

namespace clawdspace::spaces {

std::string variable_name(const std::string& variable) { return variable.substr(0, variable.find('=')); }

std::vector<std::string> command_options(const space& where, const command_spec& what) {
  std::vector<std::string> options;
  const auto option = [&](const char* name, const std::string& value) {
    if (!value.empty()) options.push_back(name + value);
  };
  option(door::option_user, what.user);
  option(door::option_image_user, where.self.image_user);
  option(door::option_cwd, what.cwd);
  option(door::option_image_cwd, where.self.image_work_dir);
  if (where.self.profile == profile::strict) options.emplace_back(door::option_strict);
  if (what.tty) options.emplace_back(door::option_tty);
  if (what.shell) options.emplace_back(door::option_shell);
  return options;
}

} // namespace clawdspace::spaces
