#include "options.hpp"

namespace clawdspace::init {
namespace {

constexpr bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Takes the value of `--name=` where `argument` is that option.
bool take(text argument, text option, text& value) {
  if (!argument.starts_with(option)) return false;
  value = argument.after(option.size());
  return true;
}

bool take(text argument, text option, bool& flag) {
  if (argument != option) return false;
  flag = true;
  return true;
}

/// Whether this is an option of the door's own. A variable needs a name.
bool take_of_the_door(text argument, command_spec& spec) {
  text value;
  bool flag = false;
  if (take(argument, door::option_set, value)) return value.find('=') > 0 && value.find('=') < value.size();
  return take(argument, door::option_login, spec.login) ||
         take(argument, door::option_unhurried, spec.unhurried) || take(argument, door::option_input, flag) ||
         take(argument, door::option_outlive, flag) || take(argument, door::option_rows, value) ||
         take(argument, door::option_columns, value);
}

} // namespace

bool command_spec::keeps(text name) const {
  for (size_t i = 0; i < option_count; ++i) {
    text kept;
    if (take(options[i], door::option_keep, kept) && kept == name) return true;
    if (take(options[i], door::option_set, kept) && kept.first(kept.find('=')) == name) return true;
  }
  return false;
}

bool is_id(text id) {
  if (id.empty() || id.size() > door::id_limit || id[0] == '-') return false;
  for (char c : id)
    if (!is_alphanumeric(c) && c != '-' && c != '_') return false;
  return true;
}

bool is_token(text token) {
  if (token.empty() || token.size() > door::token_limit) return false;
  for (char c : token)
    if (!is_alphanumeric(c)) return false;
  return true;
}

const char* parse_command(char* const* arguments, command_spec& spec, text& culprit, way_in way) {
  culprit = {};
  if (!*arguments) return "an id is missing";
  spec.id = *arguments;
  culprit = spec.id;
  if (!is_id(spec.id)) return "this is no id";

  spec.options = ++arguments;
  for (; *arguments; ++arguments, ++spec.option_count) {
    const text argument = *arguments;
    culprit = argument;
    if (argument == "--") break;
    text kept;
    const bool known =
        take(argument, door::option_user, spec.user) ||
        take(argument, door::option_image_user, spec.image_user) ||
        take(argument, door::option_cwd, spec.cwd) ||
        take(argument, door::option_image_cwd, spec.image_cwd) || take(argument, door::option_keep, kept) ||
        take(argument, door::option_strict, spec.strict) || take(argument, door::option_tty, spec.tty) ||
        take(argument, door::option_shell, spec.shell) ||
        (way == way_in::door && take_of_the_door(argument, spec));
    if (!known) return "no such option";
  }
  if (!*arguments) return "no `--` before the command";
  spec.argv = arguments + 1;
  if (spec.login)
    return spec.argv[0] || spec.shell ? "--login takes no command, so this is too much:" : nullptr;
  if (!spec.argv[0]) return "no command after";
  if (spec.shell && spec.argv[1]) return "--shell takes one text, so this is too much:";
  return nullptr;
}

} // namespace clawdspace::init
