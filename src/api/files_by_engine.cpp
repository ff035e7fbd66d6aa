#include "files_by_engine.hpp"

#include "file_answer.hpp"
#include "file_listing.hpp"
#include <clawdspace/api/bodies.hpp>
#include <clawdspace/api/file_request.hpp>
#include <clawdspace/http/conditions.hpp>

#include <fmt/format.h>

#include <charconv>
#include <vector>

namespace clawdspace::api {

namespace json = boost::json;
using spaces::engine_files;

namespace {

constexpr std::size_t buffer_size = std::size_t{64} << 10;

/// What the files program would tell of it.
json::object told_of(const engine_files::found& what) {
  return {{"type", what.is_folder ? "folder" : "file"},
          {"size", what.size},
          {"mode", fmt::format("{:04o}", what.mode)},
          {"mtimeMs", what.mtime_ms},
          {"etag", what.etag}};
}

task<> send_part(http::exchange& x, engine::byte_source& from, std::uint64_t skipped, std::uint64_t length) {
  std::vector<std::byte> buffer(buffer_size);
  for (auto left = skipped + length; left > 0;) {
    const auto n =
        co_await from.read_some(std::span(buffer).first(std::min<std::uint64_t>(left, buffer.size())));
    if (n == 0) throw error(errc::engine_failed, "the Engine's archive of a file ended early");
    const auto passed = std::min<std::uint64_t>(skipped, n);
    skipped -= passed;
    left -= n;
    co_await x.write(std::span<const std::byte>(buffer).first(n).subspan(passed));
  }
}

class body_source final : public engine::byte_source {
 public:
  explicit body_source(http::exchange& x) : exchange_(x) {}
  task<std::size_t> read_some(std::span<std::byte> into) override { return exchange_.read_some(into); }

 private:
  http::exchange& exchange_;
};

} // namespace

task<> read_by_engine(http::exchange& x, engine_files& files, spaces::space_ptr s, std::string path,
                      std::string user) {
  const auto what = co_await files.look(s, std::move(path), std::move(user));
  const bool only_head = x.head().method == "HEAD";
  if (what.is_folder) {
    if (!only_head) must_have_door(*s, "a folder's listing");
    co_await x.start(200, headers_of_listing());
    co_await x.finish();
    co_return;
  }
  const auto decided = http::decide(
      x.head(),
      {.etag = what.etag, .modified = what.mtime_ms / 1000, .size = static_cast<std::uint64_t>(what.size)});
  if (decided.status == 412 || decided.status == 416) {
    spaces::file_error refused(decided.status == 412 ? "precondition" : "range",
                               what.path + ": it is not what the request expects");
    refused.etag = what.etag;
    refused.size = what.size;
    throw refused;
  }
  auto headers = headers_of_file(told_of(what));
  if (decided.status == 304) {
    co_await x.respond({.status = 304, .headers = std::move(headers), .body = {}});
    co_return;
  }
  headers.add("Accept-Ranges", "bytes");
  if (decided.status == 206)
    headers.add("Content-Range",
                fmt::format("bytes {}-{}/{}", decided.first, decided.first + decided.length - 1, what.size));
  std::unique_ptr<engine::byte_source> from;
  if (!only_head && what.size > 0) from = co_await files.read(s, what);
  co_await x.start_sized(decided.status, std::move(headers), decided.length);
  if (from) co_await send_part(x, *from, decided.first, decided.length);
  co_await x.finish();
}

task<> write_by_engine(http::exchange& x, engine_files& files, spaces::space_ptr s, std::string path,
                       std::string user, std::optional<std::string> mode, bool parents, bytes limit) {
  if (parents) must_have_door(*s, "making a file's folders");
  for (const auto* name : {"if-match", "if-none-match", "if-unmodified-since"})
    if (x.head().headers.contains(name)) must_have_door(*s, fmt::format("a PUT with {}", name));
  std::optional<unsigned> bits;
  if (mode) std::from_chars(mode->data(), mode->data() + mode->size(), bits.emplace(), 8);
  // Nothing is begun before all of it is here: the Engine would keep a half.
  auto content = co_await x.read_all(limit);
  const bool created = co_await files.write(s, path, std::move(content), user, bits);
  http::response answer{.status = 204, .headers = {}, .body = {}};
  if (created) answer = json_response(201, to_entry(told_of(co_await files.look(s, path, user))));
  if (created) answer.headers.add("Location", file_url(s->self.name, path));
  co_await x.respond(std::move(answer));
}

task<> pack_by_engine(http::exchange& x, engine_files& files, spaces::space_ptr s, std::string path,
                      std::string user, http::fields headers) {
  const auto what = co_await files.look(s, std::move(path), std::move(user));
  std::unique_ptr<engine::byte_source> tar;
  if (x.head().method != "HEAD") tar = co_await files.pack(s, what);
  co_await x.start(200, std::move(headers));
  std::vector<std::byte> buffer(buffer_size);
  while (tar) {
    const auto n = co_await tar->read_some(buffer);
    if (n == 0) break;
    co_await x.write(std::span<const std::byte>(buffer).first(n));
  }
  co_await x.finish();
}

task<> unpack_by_engine(http::exchange& x, engine_files& files, spaces::space_ptr s, std::string path,
                        std::string user, bool parents) {
  if (parents) must_have_door(*s, "making an archive's folder");
  const auto folder = co_await files.look(s, std::move(path), std::move(user));
  body_source body(x);
  co_await files.unpack(s, folder, body);
  co_await x.respond(json_response(200, json::object{{"created", false}}));
}

} // namespace clawdspace::api
