#pragma once

#include <clawdspace/core/unique_fd.hpp>
#include <clawdspace/space/space.hpp>

#include <filesystem>
#include <string>

namespace clawdspace::spaces {

/// The programs that spaces are given.
struct space_programs {
  std::filesystem::path init;  // clawdspace-init
  std::filesystem::path files; // clawdspace-files
};

/// The daemon's state folder. Docker is the record; here stands what it cannot keep: copies of the spaces'
/// programs, a folder per space that is mounted read-only into it, and the settings that were changed after
/// create. All writes are small, happen when a space is made, changed or started, and go beside the target
/// and are renamed.
///
///   init/HASH/clawdspace-init    by its content, so that a new daemon never changes what an old space runs
///   files/HASH/clawdspace-files  the same; it serves this daemon, so that old spaces get it, too
///   spaces/ID/door/init          a link to the one that the space began with; `door` is mounted at
///   /.clawdspace spaces/ID/door/files         a link to this daemon's spaces/ID/settings.json      only
///   where something was changed
class folders {
 public:
  /// Makes the layout and copies the programs in. Throws std::system_error; std::runtime_error where another
  /// daemon holds the folder.
  folders(std::filesystem::path root, const space_programs& programs);
  folders(const folders&) = delete;
  folders& operator=(const folders&) = delete;

  /// Makes sure that a space's mount is whole, and returns it. What is there is kept: a running space would
  /// go on seeing the old folder for ever. But for the files program: an older one is replaced, also under a
  /// space that runs.
  std::filesystem::path prepare(const std::string& id) const;
  /// Whether a space runs the init program of this daemon, not of one before it.
  [[nodiscard]] bool has_this_init(const std::string& id) const noexcept;
  void remove(const std::string& id) const noexcept;

  void write_settings(const space& s) const;
  /// Puts what was changed over what the labels say; does nothing where there is no such file.
  void read_settings(space& s) const;

  /// Removes the folders of spaces that are not among `ids`: what a crash left behind. Only for the Engine
  /// that the folder was last used with; another one knows nothing of them.
  void sweep(const std::string& engine_id, const std::vector<std::string>& ids) const;

  [[nodiscard]] const std::filesystem::path& root() const noexcept { return root_; }

 private:
  std::filesystem::path root_;
  std::filesystem::path init_;
  std::filesystem::path files_;
  unique_fd lock_;
};

} // namespace clawdspace::spaces
