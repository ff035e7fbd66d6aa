#include "people.hpp"

#include "accounts.hpp"
#include <clawdspace/core/unique_fd.hpp>

#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_map>

namespace clawdspace::files {
namespace {

constexpr std::size_t table_limit = std::size_t{1} << 20U;

std::string read_table(const char* path) {
  const unique_fd file(open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  struct stat about;
  if (!file || fstat(file.value(), &about) != 0 || !S_ISREG(about.st_mode)) return {};
  std::string bytes(static_cast<std::size_t>(about.st_size) < table_limit ? about.st_size : table_limit,
                    '\0');
  std::size_t size = 0;
  while (size < bytes.size()) {
    const auto n = read(file.value(), bytes.data() + size, bytes.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    size += static_cast<std::size_t>(n);
  }
  bytes.resize(size);
  // Half a line would be another account.
  if (size == table_limit) bytes.resize(bytes.rfind('\n') == bytes.npos ? 0 : bytes.rfind('\n') + 1);
  return bytes;
}

struct table {
  std::unordered_map<unsigned, std::string> names;
  std::unordered_map<std::string, unsigned> ids;

  void add(init::text name, unsigned id) {
    const std::string key(name.data(), name.size());
    names.try_emplace(id, key);
    ids.try_emplace(key, id);
  }
};

const table& users() {
  static const table all = [] {
    table found;
    const auto bytes = read_table("/etc/passwd");
    init::account line;
    for (init::passwd_file file(init::text(bytes.data(), bytes.size())); file.next(line);)
      found.add(line.name, line.uid);
    return found;
  }();
  return all;
}

const table& groups() {
  static const table all = [] {
    table found;
    const auto bytes = read_table("/etc/group");
    init::group line;
    for (init::group_file file(init::text(bytes.data(), bytes.size())); file.next(line);)
      found.add(line.name, line.gid);
    return found;
  }();
  return all;
}

std::string_view name_in(const table& all, unsigned id) {
  const auto found = all.names.find(id);
  return found == all.names.end() ? std::string_view() : std::string_view(found->second);
}

std::optional<unsigned> id_in(const table& all, std::string_view name) {
  const auto found = all.ids.find(std::string(name));
  return found == all.ids.end() ? std::nullopt : std::optional(found->second);
}

} // namespace

std::string_view user_name(uid_t uid) { return name_in(users(), uid); }
std::string_view group_name(gid_t gid) { return name_in(groups(), gid); }
std::optional<uid_t> user_id(std::string_view name) { return id_in(users(), name); }
std::optional<gid_t> group_id(std::string_view name) { return id_in(groups(), name); }

} // namespace clawdspace::files
