#include "failure.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace clawdspace::files {
namespace {

struct row {
  int number;
  std::string_view code;
  std::string_view name;
  std::string_view words;
};

constexpr std::array rows{
    row{ENOENT, "not_found", "ENOENT", "no such file or folder"},
    row{ENOTDIR, "not_a_folder", "ENOTDIR", "not a folder"},
    row{EISDIR, "is_a_folder", "EISDIR", "is a folder"},
    row{EACCES, "not_allowed", "EACCES", "permission denied"},
    row{EPERM, "not_allowed", "EPERM", "not permitted"},
    row{EEXIST, "exists", "EEXIST", "exists already"},
    row{ENOTEMPTY, "not_empty", "ENOTEMPTY", "the folder is not empty"},
    row{ENOSPC, "no_space", "ENOSPC", "no space is left on the disk"},
    row{EDQUOT, "no_space", "EDQUOT", "the disk quota is used up"},
    row{ELOOP, "too_many_links", "ELOOP", "too many levels of symbolic links"},
    row{EMLINK, "too_many_links", "EMLINK", "too many hard links"},
    row{ENAMETOOLONG, "name_too_long", "ENAMETOOLONG", "the name is too long"},
    row{EROFS, "read_only", "EROFS", "the filesystem is read-only"},
    row{EBUSY, "busy", "EBUSY", "in use: a mount point, perhaps"},
    row{ETXTBSY, "busy", "ETXTBSY", "a program that is running"},
    row{ENXIO, "not_a_file", "ENXIO", "not a regular file"},
    row{ENODEV, "not_a_file", "ENODEV", "not a regular file"},
    row{ESTALE, "changed", "ESTALE", "replaced meanwhile"},
    row{EFBIG, "too_large", "EFBIG", "too large for the filesystem or the file-size limit"},
    row{EINVAL, "invalid", "EINVAL", "not possible with this path"},
    row{ECANCELED, "canceled", "ECANCELED", "canceled"},
    row{EPIPE, "canceled", "EPIPE", "nobody reads any more"},
    row{EMFILE, "failed", "EMFILE", "too many open files"},
    row{ENFILE, "failed", "ENFILE", "too many open files on this host"},
    row{ENOMEM, "failed", "ENOMEM", "out of memory"},
    row{EIO, "failed", "EIO", "the disk failed"},
    row{EXDEV, "failed", "EXDEV", "on another filesystem"},
    row{EOPNOTSUPP, "failed", "EOPNOTSUPP", "the filesystem cannot do this"},
};

const row* find(int number) {
  const auto* found = std::ranges::find(rows, number, &row::number);
  return found == rows.end() ? nullptr : found;
}

} // namespace

std::string_view code_of(int number) {
  const auto* found = find(number);
  return found != nullptr ? found->code : "failed";
}

std::string_view name_of(int number) {
  const auto* found = find(number);
  return found != nullptr ? found->name : std::string_view();
}

std::string shown(std::string_view path) {
  constexpr std::size_t limit = 1024;
  return path.size() <= limit ? std::string(path) : std::string(path.substr(0, limit)) + "…";
}

failure failure_of(std::string_view path, int number) {
  const auto* found = find(number);
  auto words = shown(path) + ": ";
  if (found != nullptr)
    words += found->words;
  else
    words += "error " + std::to_string(number);
  return {.code = code_of(number), .words = std::move(words), .number = number};
}

} // namespace clawdspace::files
