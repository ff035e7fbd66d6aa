#include "archive_out.hpp"

#include "cancel.hpp"
#include "failure.hpp"
#include "people.hpp"
#include "transfer.hpp"

#include <algorithm>
#include <archive.h>
#include <archive_entry.h>
#include <sys/mman.h>
#include <unistd.h>

namespace clawdspace::files {
namespace {

constexpr std::size_t shown_at_once = std::size_t{1} << 30U;
constexpr std::size_t buffer_limit = std::size_t{256} << 10U;
constexpr std::int64_t large = std::int64_t{64} << 10U; // from here on the kernel moves it

} // namespace

archive_out::archive_out(int out, warnings& notes)
    : out_(out), notes_(notes), archive_(archive_write_new()), entry_(archive_entry_new()) {
  void* memory = mmap(nullptr, shown_at_once, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (archive_ == nullptr || entry_ == nullptr || memory == MAP_FAILED) throw failure_of("pack", ENOMEM);
  untouched_ = {static_cast<const char*>(memory), shown_at_once};
  buffer_.reserve(buffer_limit * 2);
  widen_pipe(out);
  archive_write_set_format_pax(archive_);
  archive_write_set_bytes_per_block(archive_, 0);
  check(archive_write_open(archive_, this, nullptr, &archive_out::take, nullptr), "pack");
}

archive_out::~archive_out() {
  archive_write_fail(archive_); // what is not finished is not given an end
  archive_write_free(archive_);
  archive_entry_free(entry_);
}

void archive_out::check(int result, const std::string& path) {
  if (broken_) throw *broken_;
  if (result >= ARCHIVE_WARN) return; // it warns of names that are not UTF-8, which are right all the same
  throw failure{.code = "failed", .words = shown(path) + ": " + archive_error_string(archive_)};
}

// No exception may go through libarchive: it is kept until it returns.
long archive_out::take(struct archive*, void* self, const void* bytes, std::size_t size) noexcept {
  auto& me = *static_cast<archive_out*>(self);
  const auto* first = static_cast<const char*>(bytes);
  try {
    const bool stands_for_file =
        first >= me.untouched_.data() && first < me.untouched_.data() + me.untouched_.size();
    if (stands_for_file)
      me.put_file(static_cast<std::int64_t>(size));
    else
      me.put({first, size});
    return static_cast<long>(size);
  } catch (const failure& why) {
    me.broken_ = why;
    return -1;
  }
}

void archive_out::put(std::string_view bytes) {
  buffer_.append(bytes);
  if (buffer_.size() >= buffer_limit) flush();
}

void archive_out::flush() {
  write_all(out_, buffer_, "stdout");
  buffer_.clear();
}

// The file's bytes from at_ on; zeros where it has become shorter.
void archive_out::put_file(std::int64_t length) {
  std::int64_t sent = 0;
  if (length >= large) {
    flush();
    sent = send_file(file_, at_, length, out_, path_);
  }
  while (sent < length) {
    check_canceled();
    const auto before = buffer_.size();
    const auto room = std::min<std::int64_t>(length - sent, large);
    buffer_.resize(before + static_cast<std::size_t>(room));
    const auto n = pread(file_, buffer_.data() + before, static_cast<std::size_t>(room), at_ + sent);
    if (n < 0 && errno == EINTR) {
      buffer_.resize(before);
      continue;
    }
    if (n < 0) throw failure_of(path_);
    // At the file's end the zeros stay that resize put there.
    shrank_ = shrank_ || n == 0;
    if (n > 0) buffer_.resize(before + static_cast<std::size_t>(n));
    sent += n > 0 ? n : room;
    if (buffer_.size() >= buffer_limit) flush();
  }
  at_ += length;
}

void archive_out::describe(const std::string& name, const struct stat& about, const std::string& target) {
  archive_entry_clear(entry_);
  archive_entry_set_pathname(entry_, name.c_str());
  archive_entry_set_mode(entry_, about.st_mode);
  archive_entry_set_uid(entry_, about.st_uid);
  archive_entry_set_gid(entry_, about.st_gid);
  if (const std::string owner(user_name(about.st_uid)); !owner.empty())
    archive_entry_set_uname(entry_, owner.c_str());
  if (const std::string group(group_name(about.st_gid)); !group.empty())
    archive_entry_set_gname(entry_, group.c_str());
  archive_entry_set_mtime(entry_, about.st_mtim.tv_sec, about.st_mtim.tv_nsec);
  archive_entry_set_size(entry_, S_ISREG(about.st_mode) ? about.st_size : 0);
  if (S_ISCHR(about.st_mode) || S_ISBLK(about.st_mode)) archive_entry_set_rdev(entry_, about.st_rdev);
  if (S_ISLNK(about.st_mode)) archive_entry_set_symlink(entry_, target.c_str());
}

// Where data lies, if there are holes at all.
void archive_out::add_holes(int file, std::int64_t size) {
  for (std::int64_t at = 0; at < size;) {
    check_canceled();
    const auto data = lseek(file, at, SEEK_DATA);
    if (data < 0 && errno != ENXIO) return archive_entry_sparse_clear(entry_);
    if (data < 0 || data >= size) return archive_entry_sparse_add_entry(entry_, size, 0);
    auto hole = lseek(file, data, SEEK_HOLE);
    if (hole < 0 || hole > size) hole = size;
    archive_entry_sparse_add_entry(entry_, data, hole - data);
    at = hole;
  }
}

// libarchive passes over the holes without a call of ours, so that at_ follows what it was shown.
void archive_out::add_content(std::int64_t size) {
  const auto count = archive_entry_sparse_reset(entry_);
  if (count == 0) {
    at_ = 0;
    for (std::int64_t left = size; left > 0;) {
      const auto n = std::min<std::int64_t>(left, shown_at_once);
      check(static_cast<int>(std::min<long>(0, archive_write_data(archive_, untouched_.data(), n))), path_);
      left -= n;
    }
    return;
  }
  std::int64_t begin = 0;
  std::int64_t length = 0;
  std::int64_t position = 0;
  const auto show = [&](std::int64_t until) {
    while (position < until) {
      const auto n = std::min<std::int64_t>(until - position, shown_at_once);
      check(static_cast<int>(std::min<long>(0, archive_write_data(archive_, untouched_.data(), n))), path_);
      position += n;
    }
  };
  while (archive_entry_sparse_next(entry_, &begin, &length) == ARCHIVE_OK) {
    show(begin);
    at_ = begin;
    show(begin + length);
  }
  show(size);
}

void archive_out::add(const std::string& name, const struct stat& about, int file, const std::string& target,
                      const std::string& path) {
  describe(name, about, target);
  path_ = path;
  file_ = file;
  shrank_ = false;
  const bool regular = S_ISREG(about.st_mode);
  if (!S_ISDIR(about.st_mode) && about.st_nlink > 1) {
    const auto [first, is_new] = linked_.try_emplace({about.st_dev, about.st_ino}, name);
    if (!is_new) {
      archive_entry_set_hardlink(entry_, first->second.c_str());
      archive_entry_set_size(entry_, 0);
    }
  }
  const bool content = regular && archive_entry_hardlink(entry_) == nullptr && about.st_size > 0;
  // A file whose blocks hold all of its bytes has no holes that matter.
  if (content && about.st_blocks * 512 < about.st_size) add_holes(file, about.st_size);
  check(archive_write_header(archive_, entry_), path);
  if (content) add_content(about.st_size);
  check(archive_write_finish_entry(archive_), path);
  if (shrank_) notes_.add(shown(path) + ": shrank meanwhile, and is filled up with zeros");
  ++entries_;
}

void archive_out::finish() {
  check(archive_write_close(archive_), "pack");
  flush();
}

} // namespace clawdspace::files
