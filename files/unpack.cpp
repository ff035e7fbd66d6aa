#include "archive_in.hpp"
#include "failure.hpp"
#include "folder.hpp"
#include "operations.hpp"
#include "paths.hpp"
#include "report.hpp"
#include "unpacker.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace clawdspace::files {
namespace {

unique_fd open_target(const options& o, const std::string& path, bool& created) {
  created = false;
  struct stat about;
  if (o.parents && fstatat(AT_FDCWD, path.c_str(), &about, 0) != 0 && errno == ENOENT) {
    const auto where = find_place(path, true);
    if (mkdirat(where.folder.value(), where.name.c_str(), 0777) != 0) throw failure_of(path);
    created = true;
  }
  return open_folder_at(AT_FDCWD, path, path, true);
}

} // namespace

void unpack(const options& o, const std::string& path) {
  bool created = false;
  const auto root = open_target(o, path, created);
  if (faccessat(root.value(), ".", W_OK | X_OK, AT_EACCESS) != 0) throw failure_of(path);
  report(json_line().flag("ok", true).flag("created", created));

  archive_in in(STDIN_FILENO, o.length);
  unpacker out(in, root.value(), created);
  try {
    while (auto* entry = in.next()) out.put(entry);
    in.finish();
  } catch (const failure&) {
    out.finish(); // what came before stays, and as it was meant
    throw;
  }
  out.finish();
  report(json_line().flag("ok", true).number("entries", out.entries()).number("bytes", out.bytes()));
}

} // namespace clawdspace::files
