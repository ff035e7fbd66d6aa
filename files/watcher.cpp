#include "watcher.hpp"

#include "entry.hpp"
#include "folder.hpp"

#include <algorithm>
#include <fcntl.h>
#include <unistd.h>

namespace clawdspace::files {
namespace {

constexpr std::uint32_t mask = IN_CREATE | IN_DELETE | IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO |
                               IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK;

constexpr std::size_t longest_path = 3000; // two of these fit into a line, however they are encoded

failure watch_failure(std::string_view path) {
  if (errno != ENOSPC && errno != EMFILE && errno != ENFILE) return failure_of(path);
  auto why = failure_of(path);
  why.code = "watch_limit";
  why.words = shown(path) + ": the host's inotify watches are used up";
  return why;
}

std::string key(const watch_node& node, const std::string& name) {
  return node.of->id + '\0' + node.path_of(name);
}

} // namespace

watcher::watcher() : inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (!inotify_) throw watch_failure("watch");
}

void watcher::tell(const watch_node& node, std::string_view type, const std::string& name, bool folder,
                   const std::string* from) {
  json_line line;
  line.words("id", node.of->id).words("type", type).text("path", node.path_of(name));
  if (from != nullptr) line.text("from", *from);
  if (folder) line.flag("folder", true);
  out_ += line.line();
}

void watcher::attach(watch_node& node, int folder) {
  const auto path = node.path_of("");
  if (path.size() > longest_path) throw failure_of(path, ENAMETOOLONG);
  const auto self = "/proc/self/fd/" + std::to_string(folder);
  node.number = inotify_add_watch(inotify_.value(), self.c_str(), mask);
  if (node.number < 0) throw watch_failure(path);
  by_number_[node.number].push_back(&node);
}

void watcher::detach(watch_node& node) {
  for (auto& [name, child] : node.below) detach(*child);
  node.below.clear();
  std::erase_if(leaving_, [&node](const departure& d) { return d.node == &node; });
  const auto found = by_number_.find(node.number);
  if (found == by_number_.end()) return;
  std::erase(found->second, &node);
  if (!found->second.empty()) return;
  by_number_.erase(found);
  // Gone with the folder already, where that was deleted.
  static_cast<void>(inotify_rm_watch(inotify_.value(), node.number));
}

void watcher::watch_below(watch_node& node, int folder, const std::string& name, bool announce) {
  unique_fd below;
  try {
    below = open_folder_at(folder, name, name);
  } catch (const failure& why) {
    // Vanished, or not to be read by this user: then nobody else hears of what happens there either.
    if (why.number == ENOENT || why.number == ENOTDIR || why.number == EACCES || why.number == ELOOP) return;
    throw;
  }
  if (is_sizeless(below.value()) || node.find(name) != nullptr) return;
  auto& child = node.below[name];
  child = std::make_unique<watch_node>();
  child->of = node.of;
  child->above = &node;
  child->name = name;
  attach(*child, below.value());
  scan(*child, below.value(), announce);
}

// Watched before it is looked through: what comes meanwhile is seen twice rather than never.
void watcher::scan(watch_node& node, int folder, bool announce) {
  if (!node.of->recursive) return;
  for (const auto& name : names_in(folder, node.path_of(""))) {
    struct stat about;
    if (fstatat(folder, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0) continue; // vanished
    const bool is_folder = S_ISDIR(about.st_mode);
    if (announce && announced_.insert(key(node, name)).second) tell(node, "created", name, is_folder);
    if (is_folder) watch_below(node, folder, name, announce);
  }
}

void watcher::add(const std::string& id, bool recursive, const std::string& path) {
  if (all_.contains(id)) throw failure{.code = "invalid", .words = "there is a watcher " + id + " already"};
  auto of = std::make_unique<watched>();
  of->id = id;
  of->recursive = recursive;
  of->path = path;
  of->root = std::make_unique<watch_node>();
  of->root->of = of.get();
  const auto folder = open_folder_at(AT_FDCWD, path, path, true);
  auto e = look(path, true);
  if (fstat(folder.value(), &e.about) != 0) throw failure_of(path);
  of->device = e.about.st_dev;
  of->inode = e.about.st_ino;
  try {
    attach(*of->root, folder.value());
    scan(*of->root, folder.value(), false);
  } catch (const failure& why) {
    detach(*of->root);
    throw;
  }
  all_.emplace(id, std::move(of));
  out_ += json_line().words("id", id).raw(told(e).fields()).line();
}

unique_fd watcher::open_root(const watched& of) const {
  auto folder = open_folder_at(AT_FDCWD, of.path, of.path, true);
  struct stat about;
  if (fstat(folder.value(), &about) != 0) throw failure_of(of.path);
  if (about.st_dev != of.device || about.st_ino != of.inode) throw failure_of(of.path, ENOENT);
  return folder;
}

void watcher::end(watched& of, const failure& why) {
  json_line line;
  line.words("id", of.id).words("type", "ended").words("code", why.code).words("error", why.words);
  out_ += line.line();
  detach(*of.root);
  all_.erase(std::string(of.id));
}

void watcher::remove(const std::string& id) {
  const auto found = all_.find(id);
  if (found == all_.end()) return; // ended by itself, and that was told
  end(*found->second, {.code = "removed", .words = "as it was asked"});
}

void watcher::arrived(watch_node& node, const std::string& name, bool folder) {
  if (announced_.erase(key(node, name)) == 0) tell(node, "created", name, folder);
  if (!folder || !node.of->recursive || node.find(name) != nullptr) return;
  const auto root = open_root(*node.of);
  const auto inside = node.path_of("");
  const unique_fd here(
      openat(root.value(), inside.empty() ? "." : inside.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!here) return; // moved on, and that is told by events to come
  watch_below(node, here.value(), name, true);
}

void watcher::gone(watch_node& node, const std::string& name, bool folder) {
  tell(node, "deleted", name, folder);
  const auto child = node.below.find(name);
  if (child == node.below.end()) return;
  detach(*child->second);
  node.below.erase(child);
}

void watcher::moved_to(watch_node& node, const inotify_event& e, const std::string& name) {
  const bool folder = (e.mask & IN_ISDIR) != 0;
  const auto from = std::ranges::find_if(
      leaving_, [&](const departure& d) { return d.cookie == e.cookie && d.node->of == node.of; });
  if (const auto replaced = node.below.find(name); replaced != node.below.end()) {
    detach(*replaced->second);
    node.below.erase(replaced);
  }
  if (from == leaving_.end()) return arrived(node, name, folder);
  const auto left = std::move(*from);
  leaving_.erase(from);
  const auto old_path = left.node->path_of(left.name);
  tell(node, "moved", name, folder, &old_path);
  auto child = left.node->below.extract(left.name);
  if (child.empty()) return;
  child.key() = name;
  child.mapped()->name = name;
  child.mapped()->above = &node;
  node.below.insert(std::move(child));
}

void watcher::settle() {
  for (auto& left : std::exchange(leaving_, {})) gone(*left.node, left.name, left.folder);
}

void watcher::overflow() {
  leaving_.clear();
  std::vector<watched*> those;
  those.reserve(all_.size());
  for (const auto& [id, of] : all_) those.push_back(of.get());
  for (auto* of : those) {
    out_ += json_line().words("id", of->id).words("type", "overflow").line();
    if (!of->recursive) continue;
    try {
      for (auto& [name, child] : of->root->below) detach(*child);
      of->root->below.clear();
      const auto folder = open_root(*of);
      scan(*of->root, folder.value(), false);
    } catch (const failure& why) {
      end(*of, why);
    }
  }
}

void watcher::take_at(watch_node& node, const inotify_event& e, const std::string& name) {
  const bool folder = (e.mask & IN_ISDIR) != 0;
  if ((e.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) != 0) {
    if (node.above == nullptr)
      end(*node.of, {.code = "not_found", .words = "the folder is no longer where it was"});
    return;
  }
  if (name.empty()) return; // of the folder itself: the one above tells it
  if ((e.mask & (IN_MODIFY | IN_ATTRIB)) != 0) {
    if (modified_.insert(key(node, name)).second) tell(node, "modified", name, folder);
    return;
  }
  modified_.erase(key(node, name));
  if ((e.mask & IN_CREATE) != 0) arrived(node, name, folder);
  if ((e.mask & IN_DELETE) != 0) gone(node, name, folder);
  if ((e.mask & IN_MOVED_FROM) != 0)
    leaving_.push_back({.cookie = e.cookie, .node = &node, .name = name, .folder = folder});
  if ((e.mask & IN_MOVED_TO) != 0) moved_to(node, e, name);
}

void watcher::take(const inotify_event& e, const std::string& name) {
  if ((e.mask & IN_Q_OVERFLOW) != 0) return overflow();
  const bool completes = (e.mask & IN_MOVED_TO) != 0 && !leaving_.empty() && leaving_[0].cookie == e.cookie;
  if (!leaving_.empty() && !completes) settle();
  const auto found = by_number_.find(e.wd);
  if (found == by_number_.end()) return;
  if ((e.mask & IN_IGNORED) != 0) {
    by_number_.erase(found);
    return;
  }
  // What one does can end another, or the one itself.
  for (auto* node : std::vector(found->second)) {
    const auto now = by_number_.find(e.wd);
    if (now == by_number_.end()) break;
    if (std::ranges::find(now->second, node) == now->second.end()) continue;
    try {
      take_at(*node, e, name);
    } catch (const failure& why) {
      end(*node->of, why);
    }
  }
  if (completes) settle(); // for those whom it left
}

bool watcher::take_some() {
  alignas(inotify_event) static char bytes[65536];
  const auto n = read(inotify_.value(), bytes, sizeof bytes);
  if (n < 0) {
    if (errno != EAGAIN && errno != EINTR) throw failure_of("inotify");
    if (errno == EAGAIN) announced_.clear(); // the events of all that was announced are through
    return false;
  }
  for (const char* at = bytes; at < bytes + n;) {
    const auto& e = *reinterpret_cast<const inotify_event*>(at);
    take(e, e.len > 0 ? std::string(e.name) : std::string());
    at += sizeof e + e.len;
  }
  modified_.clear();
  return true;
}

void watcher::take_events() {
  constexpr std::size_t enough = std::size_t{256} << 10U; // to be written before more is taken
  while (out_.size() < enough && take_some()) {
  }
}

} // namespace clawdspace::files
