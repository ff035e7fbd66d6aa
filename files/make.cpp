#include "entry.hpp"
#include "failure.hpp"
#include "new_file.hpp"
#include "operations.hpp"
#include "paths.hpp"
#include "report.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace clawdspace::files {

void make_folder(const options& o, const std::string& path) {
  if (o.parents && path.find_first_not_of('/') == path.npos) // the root is always there
    return report(told(look(path, true)).flag("created", false));
  const auto where = find_place(path, o.parents);
  const int folder = where.folder.value();
  const bool created = mkdirat(folder, where.name.c_str(), o.mode.value_or(0777)) == 0;
  if (!created) {
    const int number = errno;
    struct stat about;
    const bool fine = number == EEXIST && o.parents && fstatat(folder, where.name.c_str(), &about, 0) == 0 &&
                      S_ISDIR(about.st_mode);
    if (!fine) throw failure_of(path, number);
  } else if (o.mode && fchmodat(folder, where.name.c_str(), *o.mode, 0) != 0) { // the umask had its say
    throw failure_of(path);
  }
  report(told(look(folder, where.name, path)).flag("created", created));
}

void change_mode(const options& o, const std::string& path) {
  if (fchmodat(AT_FDCWD, path.c_str(), *o.mode, 0) != 0) throw failure_of(path);
  report(told(look(path, true)));
}

void make_link(const options& o, const std::string& path) {
  const auto where = find_place(path, o.parents);
  const std::string target(o.to);
  const int folder = where.folder.value();
  if (where.slash) throw failure_of(path, EISDIR);
  if (symlinkat(target.c_str(), folder, where.name.c_str()) != 0) {
    if (errno != EEXIST || !o.replace) throw failure_of(path);
    const auto beside = hidden_name();
    if (symlinkat(target.c_str(), folder, beside.c_str()) != 0) throw failure_of(path);
    if (renameat(folder, beside.c_str(), folder, where.name.c_str()) != 0) {
      const int number = errno;
      unlinkat(folder, beside.c_str(), 0);
      throw failure_of(path, number);
    }
  }
  report(told(look(folder, where.name, path)));
}

} // namespace clawdspace::files
