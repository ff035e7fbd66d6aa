#include "archive_in.hpp"

#include "cancel.hpp"
#include "transfer.hpp"

#include <algorithm>
#include <archive.h>
#include <archive_entry.h>
#include <limits>
#include <unistd.h>

namespace clawdspace::files {
namespace {

constexpr std::size_t buffer_size = std::size_t{256} << 10U;

void write_at(int file, std::string_view bytes, std::int64_t offset, const std::string& path) {
  while (!bytes.empty()) {
    const auto n = pwrite(file, bytes.data(), bytes.size(), offset);
    if (n < 0 && errno != EINTR) throw failure_of(path);
    if (n < 0) {
      check_canceled();
      continue;
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
    offset += n;
  }
}

} // namespace

archive_in::archive_in(int in, std::optional<std::int64_t> length)
    : in_(in), length_(length), buffer_(std::make_unique_for_overwrite<char[]>(buffer_size)),
      archive_(archive_read_new()) {
  if (archive_ == nullptr) throw failure_of("unpack", ENOMEM);
  widen_pipe(in);
  archive_read_support_format_tar(archive_);
  archive_read_support_filter_gzip(archive_);
  archive_read_set_read_callback(archive_, &archive_in::give);
  archive_read_set_skip_callback(archive_, &archive_in::pass);
  archive_read_set_callback_data(archive_, this);
  if (archive_read_open1(archive_) < ARCHIVE_WARN) {
    // The destructor does not run for what was not made.
    const std::string words = archive_error_string(archive_);
    archive_read_free(archive_);
    if (broken_) throw *broken_;
    throw failure{.code = "bad_archive", .words = "not a tar archive: " + words};
  }
}

archive_in::~archive_in() { archive_read_free(archive_); }

std::int64_t archive_in::left() const {
  return length_ ? *length_ - taken_ : std::numeric_limits<std::int64_t>::max();
}

void archive_in::fail() {
  if (broken_) throw *broken_;
  const char* words = archive_error_string(archive_);
  throw failure{.code = "bad_archive", .words = words != nullptr ? words : "not a tar archive"};
}

long archive_in::give(struct archive*, void* self, const void** bytes) noexcept {
  auto& me = *static_cast<archive_in*>(self);
  try {
    return me.read_more(bytes);
  } catch (const failure& why) {
    me.broken_ = why;
    archive_set_error(me.archive_, EIO, "%s", "reading failed");
    return -1;
  }
}

long archive_in::read_more(const void** bytes) {
  if (broken_) throw *broken_;
  check_canceled();
  const auto room = static_cast<std::size_t>(std::min<std::int64_t>(left(), buffer_size));
  const auto n = room == 0 ? 0 : read_some(in_, buffer_.get(), room, "stdin");
  if (n == 0 && room > 0 && length_)
    throw failure{.code = "incomplete",
                  .words = "the archive ended after " + std::to_string(taken_) + " of " +
                           std::to_string(*length_) + " bytes"};
  check_canceled(); // its end, too, may be that of a daemon that canceled
  taken_ += static_cast<std::int64_t>(n);
  in_buffer_ = n;
  *bytes = buffer_.get();
  return static_cast<long>(n);
}

// libarchive asks to pass over the rest of a content that has not reached its memory: it goes from the pipe
// to the file.
std::int64_t archive_in::pass(struct archive*, void* self, std::int64_t size) noexcept {
  auto& me = *static_cast<archive_in*>(self);
  if (me.file_ < 0) return 0; // it reads, then
  try {
    return me.move_to_file(size);
  } catch (const failure& why) {
    me.broken_ = why; // thrown by the reading that libarchive now tries: it takes no failure here
    return 0;
  }
}

std::int64_t archive_in::move_to_file(std::int64_t size) {
  const auto part = std::min({size, wanted_, left()});
  if (part <= 0) return 0;
  const auto moved = receive_file(in_, file_, part, path_);
  taken_ += moved;
  wanted_ -= moved;
  return moved;
}

struct archive_entry* archive_in::next() {
  check_canceled();
  struct archive_entry* entry = nullptr;
  const int result = archive_read_next_header(archive_, &entry);
  if (result == ARCHIVE_EOF) return nullptr;
  // It warns of names that are not UTF-8, and has them right all the same.
  if (result < ARCHIVE_WARN || broken_) fail();
  sparse_ = archive_entry_sparse_count(entry) > 0;
  return entry;
}

std::int64_t archive_in::write_content(int file, std::int64_t size, const std::string& path) {
  constexpr std::int64_t large = 1 << 20;
  const void* bytes = nullptr;
  std::size_t room = 0;
  std::int64_t offset = 0;
  std::int64_t written = 0;
  path_ = path;
  int result = ARCHIVE_OK;
  while ((result = archive_read_data_block(archive_, &bytes, &room, &offset)) == ARCHIVE_OK) {
    write_at(file, {static_cast<const char*>(bytes), room}, offset, path);
    written += static_cast<std::int64_t>(room);
    // Neither compressed nor with holes, and nothing of it is left in memory: the rest goes by the short way.
    const auto end = offset + static_cast<std::int64_t>(room);
    const bool all_seen = static_cast<const char*>(bytes) + room == buffer_.get() + in_buffer_;
    if (!all_seen || sparse_ || archive_filter_count(archive_) > 1 || size - end < large) continue;
    return written + skip_to_file(file, end, size, path);
  }
  if (result != ARCHIVE_EOF || broken_) fail();
  if (ftruncate(file, size) != 0) throw failure_of(path);
  return written;
}

std::int64_t archive_in::skip_to_file(int file, std::int64_t from, std::int64_t size,
                                      const std::string& path) {
  if (lseek(file, from, SEEK_SET) < 0) throw failure_of(path);
  file_ = file;
  wanted_ = size - from;
  const int result = archive_read_data_skip(archive_);
  file_ = -1;
  if (result < ARCHIVE_WARN || broken_) fail();
  if (wanted_ > 0) throw failure{.code = "bad_archive", .words = shown(path) + ": its content is cut off"};
  return size - from;
}

void archive_in::finish() {
  const void* bytes = nullptr;
  while (read_more(&bytes) > 0) check_canceled();
}

} // namespace clawdspace::files
