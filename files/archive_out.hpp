#pragma once

#include "report.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <utility>

struct archive;
struct archive_entry;

namespace clawdspace::files {

/// A pax archive on its way to a descriptor. Contents of files do not go through libarchive: it is shown
/// memory that nobody touches, and where it would write that, the file's bytes go from file to pipe.
class archive_out {
 public:
  archive_out(int out, warnings& notes);
  archive_out(const archive_out&) = delete;
  archive_out& operator=(const archive_out&) = delete;
  ~archive_out();

  /// One entry; `file` is open where it is a regular one. Throws failure.
  void add(const std::string& name, const struct stat& about, int file, const std::string& target,
           const std::string& path);
  /// The archive's end.
  void finish();
  [[nodiscard]] std::int64_t entries() const noexcept { return entries_; }

 private:
  static long take(struct archive*, void* self, const void* bytes, std::size_t size) noexcept;
  void put(std::string_view bytes);
  void put_file(std::int64_t length);
  void flush();
  void describe(const std::string& name, const struct stat& about, const std::string& target);
  void add_holes(int file, std::int64_t size);
  void add_content(std::int64_t size);
  void check(int result, const std::string& path);

  int out_;
  warnings& notes_;
  struct archive* archive_;
  struct archive_entry* entry_;
  std::string buffer_;
  std::string_view untouched_; // address space that stands for the file's bytes
  int file_ = -1;
  std::int64_t at_ = 0; // in the file, of the bytes that are shown next
  std::string path_;
  bool shrank_ = false;
  std::optional<failure> broken_;
  std::int64_t entries_ = 0;
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;
};

} // namespace clawdspace::files
