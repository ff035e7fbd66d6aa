#include "conditions.hpp"
#include "entry.hpp"
#include "failure.hpp"
#include "operations.hpp"
#include "report.hpp"
#include "transfer.hpp"
#include <clawdspace/core/unique_fd.hpp>

#include <array>
#include <fcntl.h>
#include <unistd.h>

namespace clawdspace::files {
namespace {

preconditions asked_by(const options& o) {
  return {.if_match = o.if_match,
          .if_none_match = o.if_none_match,
          .if_range = o.if_range,
          .if_modified_since = o.if_modified_since,
          .if_unmodified_since = o.if_unmodified_since};
}

unique_fd open_file(const std::string& path, entry& e) {
  // A fifo or a device must not even be opened: that alone can have effects.
  if (!S_ISREG(e.about.st_mode)) throw failure_of(path, ENXIO);
  constexpr int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  unique_fd file(open(path.c_str(), flags | O_NOATIME));
  if (!file && errno == EPERM) file.reset(open(path.c_str(), flags));
  if (!file || fstat(file.value(), &e.about) != 0) throw failure_of(path);
  if (!S_ISREG(e.about.st_mode)) throw failure_of(path, ENXIO);
  return file;
}

/// Up to stdout's end, whatever the size said.
std::int64_t send_sizeless(int file, std::string_view path) {
  std::array<char, 65536> bytes;
  std::int64_t sent = 0;
  while (const auto n = read_some(file, bytes.data(), bytes.size(), path)) {
    write_all(STDOUT_FILENO, {bytes.data(), n}, "stdout");
    sent += static_cast<std::int64_t>(n);
  }
  return sent;
}

void tell_end(std::int64_t sent) {
  json_line end;
  report(end.flag("ok", true).number("bytes", sent));
}

json_line head_of(const entry& e, bool sizeless) {
  json_line line;
  line.flag("ok", true).words("kind", S_ISDIR(e.about.st_mode) ? "folder" : "file");
  add_entry(line, e);
  line.words("etag", etag_of(e.about));
  if (!S_ISDIR(e.about.st_mode)) line.flag("sized", !sizeless);
  return line;
}

failure refused(std::string_view code, const std::string& path, std::string_view words,
                const std::string& etag, std::string_view fields) {
  json_line extra;
  extra.words("etag", etag).raw(fields);
  return {.code = code, .words = shown(path) + ": " + std::string(words), .extra = extra.fields()};
}

/// The part to send. Throws the failure `range`.
span_of part_of(const options& o, const std::string& path, const entry& e, const std::string& etag,
                bool& whole) {
  const auto size = static_cast<std::int64_t>(e.about.st_size);
  whole = !(o.first || o.suffix) || !range_holds(asked_by(o), validators_of(e.about, etag));
  if (whole) return {.offset = 0, .length = size};
  if (const auto part = resolve_range(o.first, o.last, o.suffix, size)) return *part;
  throw refused("range", path, "the range lies outside the file", etag, "\"size\":" + std::to_string(size));
}

} // namespace

void read_file(const options& o, const std::string& path) {
  auto e = look(path, true);
  unique_fd file;
  const bool folder = S_ISDIR(e.about.st_mode);
  if (!folder) file = open_file(path, e);
  const auto etag = etag_of(e.about);
  const auto decision = judge(asked_by(o), validators_of(e.about, etag));
  if (decision == verdict::failed)
    throw refused("precondition", path, "it is not what the request expects", etag, "\"status\":412");
  if (folder) return report(head_of(e, false));

  const bool sizeless = is_sizeless(file.value());
  auto head = head_of(e, sizeless);
  if (decision == verdict::not_modified) return report(head.words("send", "none").number("status", 304));
  bool whole = true;
  const auto part = sizeless ? span_of{} : part_of(o, path, e, etag, whole);
  head.words("send", whole ? "whole" : "part").number("status", whole ? 200 : 206);
  if (!sizeless) head.number("offset", part.offset).number("length", part.length);
  report(head);
  if (o.head) return;
  if (sizeless) return tell_end(send_sizeless(file.value(), path));
  const auto sent = send_file(file.value(), part.offset, part.length, STDOUT_FILENO, path);
  if (sent != part.length)
    throw failure{.code = "changed", .words = shown(path) + ": the file shrank while it was read"};
  tell_end(sent);
}

void stat_file(const options& o, const std::string& path) { report(told(look(path, o.follow))); }

} // namespace clawdspace::files
