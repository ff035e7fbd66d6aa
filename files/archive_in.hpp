#pragma once

#include "failure.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct archive;
struct archive_entry;

namespace clawdspace::files {

/// A tar archive that comes in from a descriptor, plain or gzip.
class archive_in {
 public:
  /// `length` is how many bytes there are, where that is known.
  archive_in(int in, std::optional<std::int64_t> length);
  archive_in(const archive_in&) = delete;
  archive_in& operator=(const archive_in&) = delete;
  ~archive_in();

  /// The next entry; null at the archive's end. Throws failure: `bad_archive`, or `incomplete` where the
  /// bytes ended before their length.
  struct archive_entry* next();
  /// Writes the entry's content to an empty file, with its holes. Returns its bytes. Throws failure.
  std::int64_t write_content(int file, std::int64_t size, const std::string& path);
  /// Takes what follows the archive's end, so that the sender is not cut off.
  void finish();

 private:
  static long give(struct archive*, void* self, const void** bytes) noexcept;
  static std::int64_t pass(struct archive*, void* self, std::int64_t size) noexcept;
  long read_more(const void** bytes);
  std::int64_t move_to_file(std::int64_t size);
  std::int64_t skip_to_file(int file, std::int64_t from, std::int64_t size, const std::string& path);
  std::int64_t left() const;
  [[noreturn]] void fail();

  int in_;
  std::optional<std::int64_t> length_;
  std::int64_t taken_ = 0;
  std::unique_ptr<char[]> buffer_;
  std::size_t in_buffer_ = 0;
  bool sparse_ = false;
  struct archive* archive_;
  // Where the bytes that libarchive would pass over belong.
  int file_ = -1;
  std::int64_t wanted_ = 0;
  std::string path_;
  std::optional<failure> broken_;
};

} // namespace clawdspace::files
