#include <clawdspace/core/error.hpp>
#include <clawdspace/core/unique_fd.hpp>
#include <clawdspace/http/conditions.hpp>
#include <clawdspace/http/static_files.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace clawdspace::http {

namespace {

namespace fs = std::filesystem;

// What a page of ours may load: what lies in the same folder, and the API beside it.
constexpr auto policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                        "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
                        "frame-ancestors 'none'";

struct media_type {
  std::string_view extension;
  std::string_view type;
};

constexpr std::array<media_type, 16> media_types = {{
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/vnd.microsoft.icon"},
    {".woff2", "font/woff2"},
    {".wasm", "application/wasm"},
    {".txt", "text/plain; charset=utf-8"},
    {".md", "text/markdown; charset=utf-8"},
    {".yaml", "application/yaml"},
    {".yml", "application/yaml"},
}};

std::string_view type_of(const fs::path& file) {
  const auto extension = file.extension().string();
  for (const auto& known : media_types)
    if (iequals(known.extension, extension)) return known.type;
  return "application/octet-stream";
}

[[noreturn]] void fail(const fs::path& what, std::string_view why) {
  throw error(errc::invalid_field, fmt::format("static files: {}: {}", what.string(), why));
}

/// FNV-1a; with the size beside it, for telling one version of a file from another, not against an adversary.
std::string tag_of(std::string_view content) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : content) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return fmt::format("\"{:x}-{:016x}\"", content.size(), hash);
}

/// Reads a regular file, and nothing that a link leads to. `left` is what may still be read.
std::string read_file(const fs::path& file, std::uint64_t left, std::int64_t& modified) {
  const unique_fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) fail(file, std::system_category().message(errno));
  struct stat about{};
  if (::fstat(fd.value(), &about) != 0) fail(file, std::system_category().message(errno));
  if (!S_ISREG(about.st_mode)) fail(file, "it is no longer a regular file");
  modified = about.st_mtim.tv_sec;
  std::string content;
  std::array<char, 65536> piece;
  for (;;) {
    const auto n = ::read(fd.value(), piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(file, std::system_category().message(errno));
    if (n == 0) return content;
    content.append(piece.data(), static_cast<std::size_t>(n));
    if (content.size() > left) fail(file, "the folder holds more than is allowed");
  }
}

bool is_hidden(const fs::path& entry) { return entry.filename().string().starts_with('.'); }

/// The name that a path asks for, decoded once; nothing where it could mean another place.
std::optional<std::string> name_of(std::string_view path) {
  auto name = percent_decode(path);
  if (!name || !name->starts_with('/')) return std::nullopt;
  if (name->find('\\') != name->npos || name->find('\0') != name->npos) return std::nullopt;
  // A slash that was encoded is part of a name, and no file's name has one.
  if (std::count(name->begin(), name->end(), '/') != std::count(path.begin(), path.end(), '/'))
    return std::nullopt;
  return name == "/" ? "/index.html" : name;
}

} // namespace

static_files static_files::load(const std::filesystem::path& folder, bytes limit) {
  static_files loaded;
  auto left = static_cast<std::uint64_t>(count(limit));
  std::error_code failed;
  auto entry = fs::recursive_directory_iterator(folder, failed);
  if (failed) fail(folder, failed.message());
  for (; entry != fs::recursive_directory_iterator(); entry.increment(failed)) {
    if (failed) fail(folder, failed.message());
    const auto kind = entry->symlink_status(failed).type();
    if (failed) fail(entry->path(), failed.message());
    if (is_hidden(entry->path())) {
      if (kind == fs::file_type::directory) entry.disable_recursion_pending();
      continue;
    }
    if (kind != fs::file_type::regular) continue;
    file f;
    f.content = read_file(entry->path(), left, f.modified);
    left -= f.content.size();
    f.type = type_of(entry->path());
    f.etag = tag_of(f.content);
    loaded.files_.emplace("/" + entry->path().lexically_relative(folder).generic_string(), std::move(f));
  }
  if (failed) fail(folder, failed.message());
  return loaded;
}

const static_files::file* static_files::find(std::string_view path) const {
  const auto name = name_of(path);
  if (!name) return nullptr;
  const auto found = files_.find(*name);
  return found == files_.end() ? nullptr : &found->second;
}

bool static_files::contains(std::string_view path) const { return find(path) != nullptr; }

task<> static_files::serve(exchange& x) const {
  const auto* found = find(x.head().path);
  if (!found) throw error(errc::route_not_found, "there is nothing at " + x.head().path);
  const file& f = *found;
  if (x.head().method != "GET" && x.head().method != "HEAD")
    throw error(errc::method_not_allowed, "files are for GET and HEAD");

  const auto what = decide(x.head(), {.etag = f.etag, .modified = f.modified, .size = f.content.size()});
  response r{.status = what.status,
             .headers = {{"ETag", f.etag},
                         {"Last-Modified", to_http_date(f.modified)},
                         {"Cache-Control", "no-cache"},
                         {"Accept-Ranges", "bytes"},
                         {"X-Content-Type-Options", "nosniff"},
                         {"Referrer-Policy", "no-referrer"},
                         {"Content-Security-Policy", policy}},
             .body = {}};
  if (what.status == 416) r.headers.add("Content-Range", fmt::format("bytes */{}", f.content.size()));
  if (what.status == 200 || what.status == 206) {
    r.headers.add("Content-Type", f.type);
    if (what.status == 206)
      r.headers.add("Content-Range", fmt::format("bytes {}-{}/{}", what.first, what.first + what.length - 1,
                                                 f.content.size()));
    if (x.head().method == "HEAD")
      r.headers.add("Content-Length", std::to_string(what.length));
    else
      r.body = f.content.substr(what.first, what.length);
  }
  co_await x.respond(std::move(r));
}

} // namespace clawdspace::http
