#pragma once

#include <clawdspace/core/unique_fd.hpp>

#include <string>
#include <sys/stat.h>
#include <vector>

namespace clawdspace::files {

/// Goes through a tree of any depth without following links, with few descriptors: what lies far above is
/// closed, and found again through `..`, which must then be the same folder.
class walk {
 public:
  /// What a step found. A folder comes before its content, and once more behind it.
  struct step {
    int folder;              // that holds it
    const std::string& name; // in there
    const std::string&
        path; // from the tree's root, which is the empty path; without a slash before or behind
    bool leaving;
  };

  /// Of an open folder, `shown` in words. Its names come sorted by their bytes.
  walk(unique_fd root, std::string shown);

  /// Whether there is a next name; the step holds until the next call. Throws failure.
  bool next();
  [[nodiscard]] step current() const;
  /// Goes into the current folder. Throws failure; it is passed over, then, and not left.
  void enter();
  /// Passes over what is left in the folder that was entered last.
  void skip() { levels_.back().names.clear(); }
  /// The open folder that was entered last.
  [[nodiscard]] int folder() const { return levels_.back().folder.value(); }
  /// The path that belongs into words.
  [[nodiscard]] std::string whole_path() const;

 private:
  struct level {
    unique_fd folder; // none: closed for now
    dev_t device;
    ino_t inode;
    std::vector<std::string> names; // from the last to the first
    std::size_t path_size;
  };
  void push(unique_fd folder);
  void pop();

  std::string shown_;
  std::vector<level> levels_;
  std::string name_;
  std::string path_;
  bool leaving_ = false;
};

} // namespace clawdspace::files
