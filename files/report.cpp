#include "report.hpp"

#include "transfer.hpp"
#include <clawdspace/files/protocol.hpp>

#include <unistd.h>

namespace clawdspace::files {

void report(const json_line& line) {
  const auto bytes = line.line();
  try {
    write_all(STDERR_FILENO, bytes, "stderr");
  } catch (const failure&) {
    // The only one to whom this could be told has gone.
  }
}

json_line refusal_line(const failure& why) {
  json_line line;
  line.flag("ok", false).words("code", why.code).words("error", why.words);
  if (const auto name = name_of(why.number); !name.empty()) line.words("errno", name);
  line.raw(why.extra);
  return line;
}

void warnings::add(const failure& why) { add(why.words); }

void warnings::add(std::string words) {
  // The end line has a limit, too.
  constexpr std::size_t room = 512;
  if (++count_ <= warning_limit)
    kept_.push_back(words.size() <= room ? std::move(words) : words.substr(0, room));
}

void warnings::add_to(json_line& line) const {
  if (count_ == 0) return;
  line.list("warnings", kept_).number("warningCount", static_cast<std::int64_t>(count_));
}

} // namespace clawdspace::files
