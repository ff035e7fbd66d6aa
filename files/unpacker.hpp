#pragma once

#include "archive_in.hpp"
#include "beneath.hpp"

#include <cstdint>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace clawdspace::files {

/// Puts an archive's entries into an open folder, each whole or not at all.
class unpacker {
 public:
  unpacker(archive_in& in, int root, bool root_is_new)
      : in_(in), below_(root), root_(root), root_is_new_(root_is_new) {}

  /// One entry. Throws failure.
  void put(struct archive_entry* entry);
  /// Gives folders their modes and times, which nothing changes any more.
  void finish();

  [[nodiscard]] std::int64_t entries() const noexcept { return entries_; }
  [[nodiscard]] std::int64_t bytes() const noexcept { return bytes_; }

 private:
  struct folder {
    std::vector<std::string> parts;
    struct stat as;
  };
  using names = std::vector<std::string>;

  void put_folder(const names& parts, const struct stat& as, const std::string& path);
  void put_file(int parent, const std::string& name, const struct stat& as, const std::string& path);
  void put_link(int parent, const std::string& name, const struct stat& as, const char* target,
                const std::string& path);
  void put_hard_link(const names& parts, const char* target, const std::string& path);
  void put_node(int parent, const std::string& name, const struct stat& as, const std::string& path);

  archive_in& in_;
  beneath below_;
  int root_;
  bool root_is_new_;
  std::vector<folder> folders_;
  std::int64_t entries_ = 0;
  std::int64_t bytes_ = 0;
};

} // namespace clawdspace::files
