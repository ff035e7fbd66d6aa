#include <clawdspace/core/error.hpp>
#include <clawdspace/http/static_files.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

namespace clawdspace::http {

namespace fs = std::filesystem;

namespace {

std::string_view type_of(const fs::path& file) {
  static constexpr std::array types{
      std::pair{".html", "text/html; charset=utf-8"},
      std::pair{".css", "text/css; charset=utf-8"},
      std::pair{".js", "text/javascript; charset=utf-8"},
      std::pair{".mjs", "text/javascript; charset=utf-8"},
      std::pair{".json", "application/json"},
      std::pair{".map", "application/json"},
      std::pair{".webmanifest", "application/manifest+json"},
      std::pair{".svg", "image/svg+xml"},
      std::pair{".png", "image/png"},
      std::pair{".ico", "image/x-icon"},
      std::pair{".woff2", "font/woff2"},
      std::pair{".wasm", "application/wasm"},
      std::pair{".txt", "text/plain; charset=utf-8"},
      std::pair{".md", "text/markdown; charset=utf-8"},
      std::pair{".yaml", "application/yaml"},
  };
  const auto* found = std::ranges::find(types, file.extension().string(),
                                        [](const auto& t) { return std::string_view(t.first); });
  return found == types.end() ? "application/octet-stream" : found->second;
}

// FNV-1a, 64 bits, and the length: changes with the content, and guards nothing.
std::string etag_of(std::string_view content) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const unsigned char c : content) hash = (hash ^ c) * 1099511628211ULL;
  return fmt::format("\"{:016x}-{:x}\"", hash, content.size());
}

// RFC 9110 section 13.1.2; `weak` compares as If-None-Match does, else strongly (section 8.8.3.2).
bool lists_etag(std::string_view list, std::string_view etag, bool weak) {
  if (list == "*") return true;
  while (!list.empty()) {
    auto one = list.substr(0, list.find(','));
    list.remove_prefix(std::min(one.size() + 1, list.size()));
    while (!one.empty() && (one.front() == ' ' || one.front() == '\t')) one.remove_prefix(1);
    while (!one.empty() && (one.back() == ' ' || one.back() == '\t')) one.remove_suffix(1);
    if (weak && one.starts_with("W/")) one.remove_prefix(2);
    if (one == etag) return true;
  }
  return false;
}

enum class condition { met, not_modified, failed };

// In the order of RFC 9110 section 13.2.2.
condition evaluate(const fields& headers, std::string_view etag, std::int64_t modified) {
  const auto time_in = [&](std::string_view name) {
    const auto text = headers.find(name);
    return text ? from_http_date(*text) : std::nullopt;
  };
  if (const auto match = headers.find("If-Match")) {
    if (!lists_etag(*match, etag, false)) return condition::failed;
  } else if (const auto since = time_in("If-Unmodified-Since"); since && modified > *since) {
    return condition::failed;
  }
  if (const auto none = headers.find("If-None-Match"))
    return lists_etag(*none, etag, true) ? condition::not_modified : condition::met;
  const auto since = time_in("If-Modified-Since");
  return since && modified <= *since ? condition::not_modified : condition::met;
}

struct byte_range {
  std::size_t first = 0;
  std::size_t last = 0; ///< the last byte, included
};

struct range_wish {
  bool asked = false;              ///< a single range that can be understood; else the whole is the answer
  std::optional<byte_range> range; ///< nothing: it cannot be satisfied
};

// RFC 9110 section 14.1.2: `bytes=a-b`, `bytes=a-`, `bytes=-n`. Several ranges, or another unit: the whole.
range_wish parse_range(std::string_view text, std::size_t size) {
  constexpr std::string_view unit = "bytes=";
  if (!text.starts_with(unit) || text.find(',') != std::string_view::npos) return {};
  text.remove_prefix(unit.size());
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return {};
  const auto number = [](std::string_view digits) -> std::optional<std::size_t> {
    std::size_t value = 0;
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (ec != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    return value;
  };
  const auto from = text.substr(0, dash);
  const auto to = text.substr(dash + 1);
  if (from.empty()) {
    const auto count = number(to);
    if (!count) return {};
    if (*count == 0 || size == 0) return {.asked = true, .range = {}};
    return {.asked = true, .range = byte_range{size - std::min(*count, size), size - 1}};
  }
  const auto first = number(from);
  const auto last = to.empty() ? std::optional(size) : number(to);
  if (!first || !last || *last < *first) return {};
  if (*first >= size) return {.asked = true, .range = {}};
  return {.asked = true, .range = byte_range{*first, std::min(*last, size - 1)}};
}

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw error(errc::invalid_field, fmt::format("{} cannot be read", path.string()));
  return {std::istreambuf_iterator<char>(in), {}};
}

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

} // namespace

static_files static_files::load(const fs::path& folder, bytes limit) {
  static_files all;
  std::error_code ec;
  std::int64_t total = 0;
  fs::recursive_directory_iterator at(folder, ec);
  if (ec)
    throw error(errc::invalid_field,
                fmt::format("the folder of static files {}: {}", folder.string(), ec.message()));
  for (; at != fs::recursive_directory_iterator(); at.increment(ec)) {
    if (ec)
      throw error(errc::invalid_field,
                  fmt::format("the folder of static files {}: {}", folder.string(), ec.message()));
    if (is_hidden(at->path())) {
      at.disable_recursion_pending();
      continue;
    }
    if (at->is_symlink() || !at->is_regular_file()) continue;
    file one;
    one.content = read_file(at->path());
    total += static_cast<std::int64_t>(one.content.size());
    if (total > count(limit))
      throw error(errc::invalid_field, fmt::format("the folder of static files {} holds more than {}",
                                                   folder.string(), to_words(limit)));
    one.type = type_of(at->path());
    one.etag = etag_of(one.content);
    one.modified = std::chrono::duration_cast<std::chrono::seconds>(
                       std::chrono::file_clock::to_sys(at->last_write_time()).time_since_epoch())
                       .count();
    all.files_.emplace("/" + at->path().lexically_relative(folder).generic_string(), std::move(one));
  }
  return all;
}

const static_files::file* static_files::find(std::string_view path) const {
  const auto decoded = percent_decode(path);
  if (!decoded) return nullptr;
  const auto found = files_.find(*decoded == "/" ? "/index.html" : *decoded);
  return found == files_.end() ? nullptr : &found->second;
}

bool static_files::contains(std::string_view path) const { return find(path) != nullptr; }

task<> static_files::serve(exchange& x) const {
  const auto& headers = x.head().headers;
  const auto* found = find(x.head().path);
  if (found == nullptr) throw error(errc::route_not_found, fmt::format("there is no file {}", x.head().path));
  response answer;
  answer.headers = {{"ETag", found->etag},
                    {"Last-Modified", to_http_date(found->modified)},
                    {"Cache-Control", "no-cache"},
                    {"X-Content-Type-Options", "nosniff"},
                    {"Content-Security-Policy",
                     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                     "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
                     "frame-ancestors 'none'"},
                    {"Referrer-Policy", "no-referrer"}};
  switch (evaluate(headers, found->etag, found->modified)) {
  case condition::failed:
    answer.status = 412;
    break;
  case condition::not_modified:
    answer.status = 304;
    break;
  case condition::met: {
    answer.headers.add("Content-Type", found->type);
    answer.headers.add("Accept-Ranges", "bytes");
    const auto range = headers.find("Range");
    const auto if_range = headers.find("If-Range");
    const bool fresh = !if_range || *if_range == found->etag || *if_range == to_http_date(found->modified);
    const auto wish = range && fresh && x.head().method == "GET" ? parse_range(*range, found->content.size())
                                                                 : range_wish{};
    if (!wish.asked) {
      answer.body = found->content;
    } else if (!wish.range) {
      answer.status = 416;
      answer.headers.add("Content-Range", fmt::format("bytes */{}", found->content.size()));
    } else {
      const auto [first, last] = *wish.range;
      answer.status = 206;
      answer.headers.add("Content-Range", fmt::format("bytes {}-{}/{}", first, last, found->content.size()));
      answer.body = found->content.substr(first, last - first + 1);
    }
    break;
  }
  }
  co_await x.respond(std::move(answer));
}

} // namespace clawdspace::http
