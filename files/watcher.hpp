#pragma once

#include "failure.hpp"
#include "watch_tree.hpp"
#include <clawdspace/core/unique_fd.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <sys/inotify.h>
#include <unordered_map>
#include <vector>

namespace clawdspace::files {

/// All watchers of one user over one inotify instance: events in, the protocol's lines out.
class watcher {
 public:
  /// Throws failure, `watch_limit`.
  watcher();

  void add(const std::string& id, bool recursive, const std::string& path);
  void remove(const std::string& id);
  /// Takes what inotify has.
  void take_events();
  /// What is half of a move, and nothing came after it: it led out.
  void settle();
  [[nodiscard]] bool is_unsettled() const noexcept { return !leaving_.empty(); }
  [[nodiscard]] int value() const noexcept { return inotify_.value(); }
  /// The lines since the last call.
  std::string lines() { return std::exchange(out_, {}); }

 private:
  struct departure {
    std::uint32_t cookie;
    watch_node* node;
    std::string name;
    bool folder;
  };
  void attach(watch_node& node, int folder);
  void detach(watch_node& node);
  void scan(watch_node& node, int folder, bool announce);
  void watch_below(watch_node& node, int folder, const std::string& name, bool announce);
  void arrived(watch_node& node, const std::string& name, bool folder);
  void gone(watch_node& node, const std::string& name, bool folder);
  void moved_to(watch_node& node, const inotify_event& e, const std::string& name);
  void take(const inotify_event& e, const std::string& name);
  void take_at(watch_node& node, const inotify_event& e, const std::string& name);
  unique_fd open_root(const watched& of) const;
  bool take_some();
  void overflow();
  void end(watched& of, const failure& why);
  void tell(const watch_node& node, std::string_view type, const std::string& name, bool folder,
            const std::string* from = nullptr);

  unique_fd inotify_;
  std::map<std::string, std::unique_ptr<watched>> all_;
  std::unordered_map<int, std::vector<watch_node*>> by_number_;
  std::vector<departure> leaving_;
  std::set<std::string> announced_; // ids and paths that a scan told of before their events came
  std::set<std::string> modified_;  // the same, of this reading
  std::string out_;
};

} // namespace clawdspace::files
