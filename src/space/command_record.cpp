#include <clawdspace/space/command_record.hpp>

namespace clawdspace::spaces {

namespace {

// A character that a cut would halve goes with it.
std::string cut(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return std::string(text.substr(0, most));
}

} // namespace

command_facts facts_of(const command_spec& spec) {
  command_facts facts;
  facts.id = spec.id;
  std::size_t left = command_facts::text_limit;
  for (const auto& argument : spec.argv) {
    if (left == 0) {
      facts.cut = true;
      break;
    }
    facts.argv.push_back(cut(argument, left));
    facts.cut = facts.cut || facts.argv.back().size() < argument.size();
    left -= std::min(left, argument.size() + 1); // empty ones are counted as well
  }
  facts.shell = spec.shell;
  facts.login = spec.login;
  facts.cwd = cut(spec.cwd, command_facts::text_limit);
  facts.user = cut(spec.user, command_facts::text_limit);
  facts.tty = spec.tty;
  facts.rows = spec.rows;
  facts.columns = spec.columns;
  facts.input = spec.input;
  return facts;
}

} // namespace clawdspace::spaces
