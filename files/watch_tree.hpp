#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace clawdspace::files {

struct watched;

/// A folder that inotify watches for one watcher; those in it, where that is recursive.
struct watch_node {
  watched* of = nullptr;
  watch_node* above = nullptr;
  std::string name;
  int number = -1; // inotify's; the same for all nodes of one folder
  std::map<std::string, std::unique_ptr<watch_node>, std::less<>> below;

  [[nodiscard]] std::string path_of(std::string_view entry) const {
    auto path = above != nullptr ? above->path_of(name) : std::string();
    if (!path.empty() && !entry.empty()) path += '/';
    return path.append(entry);
  }
  [[nodiscard]] watch_node* find(std::string_view entry) const {
    const auto found = below.find(entry);
    return found == below.end() ? nullptr : found->second.get();
  }
};

/// What one `add` asked for.
struct watched {
  std::string id;
  bool recursive = false;
  // Not an open folder: as long as one is open, nobody is told that it was deleted.
  std::string path;
  dev_t device = 0;
  ino_t inode = 0;
  std::unique_ptr<watch_node> root;
};

} // namespace clawdspace::files
