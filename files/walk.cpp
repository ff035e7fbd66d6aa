#include "walk.hpp"

#include "cancel.hpp"
#include "failure.hpp"
#include "folder.hpp"

#include <algorithm>
#include <fcntl.h>
#include <functional>

namespace clawdspace::files {

namespace {

constexpr std::size_t kept_open = 32;

} // namespace

walk::walk(unique_fd root, std::string shown) : shown_(std::move(shown)) { push(std::move(root)); }

void walk::push(unique_fd folder) {
  struct stat about;
  if (fstat(folder.value(), &about) != 0) throw failure_of(whole_path());
  auto names = names_in(folder.value(), whole_path());
  std::ranges::sort(names, std::greater<>());
  if (levels_.size() >= kept_open) levels_[levels_.size() - kept_open].folder.reset();
  levels_.push_back({.folder = std::move(folder),
                     .device = about.st_dev,
                     .inode = about.st_ino,
                     .names = std::move(names),
                     .path_size = path_.size()});
}

void walk::pop() {
  auto& above = levels_[levels_.size() - 2];
  if (!above.folder) {
    above.folder = open_folder_at(levels_.back().folder.value(), "..", whole_path());
    struct stat about;
    if (fstat(above.folder.value(), &about) != 0) throw failure_of(whole_path());
    if (about.st_dev != above.device || about.st_ino != above.inode) throw failure_of(whole_path(), ESTALE);
  }
  path_.resize(levels_.back().path_size);
  levels_.pop_back();
}

bool walk::next() {
  check_canceled();
  auto& here = levels_.back();
  if (here.names.empty()) {
    if (levels_.size() == 1) return false;
    pop();
    const auto slash = path_.rfind('/');
    name_ = path_.substr(slash == path_.npos ? 0 : slash + 1);
    return leaving_ = true;
  }
  leaving_ = false;
  name_ = std::move(here.names.back());
  here.names.pop_back();
  path_.resize(here.path_size);
  if (!path_.empty()) path_ += '/';
  path_ += name_;
  return true;
}

walk::step walk::current() const {
  return {.folder = levels_.back().folder.value(), .name = name_, .path = path_, .leaving = leaving_};
}

void walk::enter() { push(open_folder_at(levels_.back().folder.value(), name_, whole_path())); }

std::string walk::whole_path() const {
  return path_.empty() ? shown_ : shown_ + (shown_.ends_with('/') ? "" : "/") + path_;
}

} // namespace clawdspace::files
