#include "entry.hpp"
#include "failure.hpp"
#include "folder.hpp"
#include "operations.hpp"
#include "report.hpp"
#include "transfer.hpp"
#include "utf8.hpp"
#include <clawdspace/files/protocol.hpp>

#include <algorithm>
#include <fcntl.h>
#include <unistd.h>

namespace clawdspace::files {
namespace {

/// Leaves the first `limit` names after `after`, sorted; whether there are more.
bool cut_to_page(std::vector<std::string>& names, std::string_view after, std::size_t limit) {
  if (!after.empty()) std::erase_if(names, [after](const auto& name) { return name <= after; });
  const bool more = names.size() > limit;
  const auto end = names.begin() + static_cast<std::ptrdiff_t>(std::min(limit, names.size()));
  std::partial_sort(names.begin(), end, names.end());
  names.erase(end, names.end());
  return more;
}

/// The entries' lines; what has vanished meanwhile is left out.
std::string lines_of(int folder, const std::vector<std::string>& names, std::int64_t& count) {
  std::string lines;
  for (const auto& name : names) {
    try {
      const auto e = look(folder, name, name);
      json_line line;
      add_entry(line, e);
      lines += line.line();
      ++count;
    } catch (const failure& why) {
      if (why.number != ENOENT) throw;
    }
  }
  return lines;
}

} // namespace

void list_folder(const options& o, const std::string& path) {
  const auto folder = open_folder_at(AT_FDCWD, path, path, true);
  auto e = look(path, true);
  if (fstat(folder.value(), &e.about) != 0) throw failure_of(path);
  auto names = names_in(folder.value(), path);
  const auto total = static_cast<std::int64_t>(names.size());
  const bool more = cut_to_page(names, o.after.value_or(std::string_view()),
                                static_cast<std::size_t>(o.limit.value_or(list_limit_default)));
  std::int64_t count = 0;
  const auto lines = lines_of(folder.value(), names, count);
  json_line head;
  head.flag("ok", true).words("kind", "folder");
  add_entry(head, e);
  head.words("etag", etag_of(e.about)).number("count", count).number("total", total).flag("more", more);
  if (more) head.words("next", percent_encoded(names.back()));
  report(head);
  write_all(STDOUT_FILENO, lines, "stdout");
  report(json_line().flag("ok", true));
}

} // namespace clawdspace::files
