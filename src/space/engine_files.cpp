#include "engine_tar.hpp"
#include <clawdspace/core/clock.hpp>
#include <clawdspace/core/text_reader.hpp>
#include <clawdspace/space/engine_files.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace clawdspace::spaces {

namespace {

constexpr std::size_t longest_list = std::size_t{1} << 20; // of accounts
constexpr std::int64_t own_uid = 1001;                     // where nothing names a user, as init has it
constexpr auto own_user = "sandbox";

/// The Engine's refusals as ours; others are its failures.
[[noreturn]] void refuse(const engine::engine_error& e, const std::string& path) {
  const auto has = [&](std::string_view words) { return e.words().find(words) != std::string::npos; };
  const auto say = [&](const char* word) { throw file_error(word, fmt::format("{}: {}", path, e.words())); };
  if (has("no space left")) say("no_space");
  if (has("read-only")) say("read_only");
  if (has("too many levels") || has("too many links")) say("too_many_links");
  if (has("not a directory") || has("extraction point is not")) say("not_a_folder");
  if (has("is a directory") || has("cannot overwrite")) say("is_a_folder");
  if (has("outside") || has("breakout")) say("outside");
  if (has("file name too long")) say("name_too_long");
  if (has("archive/tar") || has("invalid tar") || has("unexpected EOF") || has("gzip")) say("bad_archive");
  if (e.status() == 404) say("not_found");
  throw;
}

std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || ec != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

/// The fields of the line whose first one, or third, is the name (passwd(5)).
std::optional<std::vector<std::string>> find_line(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    auto line = list.substr(0, list.find('\n'));
    list.remove_prefix(std::min(line.size() + 1, list.size()));
    std::vector<std::string> fields;
    for (;;) {
      const auto colon = line.find(':');
      fields.emplace_back(line.substr(0, colon));
      if (colon == line.npos) break;
      line.remove_prefix(colon + 1);
    }
    if (fields.size() >= 6 && (fields[0] == name || fields[2] == name)) return fields;
  }
  return std::nullopt;
}

class text_source final : public engine::byte_source {
 public:
  explicit text_source(std::string text) : text_(std::move(text)) {}
  task<std::size_t> read_some(std::span<std::byte> into) override { co_return text_.read_some(into); }

 private:
  text_reader text_;
};

} // namespace

task<engine::path_stat> engine_files::stat(space_ptr where, std::string path) {
  try {
    co_return co_await docker_.stat_path(where->container, path);
  } catch (const engine::engine_error& e) {
    if (e.words().empty() && e.status() == 404)
      throw file_error("not_found", path + ": there is no such file");
    refuse(e, path);
  }
}

task<std::string> engine_files::read_all(space_ptr where, std::string path) {
  const auto about = co_await look(where, std::move(path), "");
  const auto bytes = co_await read(where, about);
  std::string text(std::min<std::size_t>(static_cast<std::size_t>(about.size), longest_list), '\0');
  for (std::size_t have = 0; have < text.size();) {
    const auto n = co_await bytes->read_some(std::as_writable_bytes(std::span(text).subspan(have)));
    if (n == 0) throw error(errc::engine_failed, "the Engine's archive of a file ended early");
    have += n;
  }
  co_return text;
}

// As init finds it: who was asked for, the image's USER unless that is root, `sandbox`, uid 1001.
task<engine_files::account> engine_files::find_account(space_ptr where, std::string user) {
  const bool asked = !user.empty();
  if (!asked) user = where->self.image_user;
  user = user.substr(0, user.find(':'));
  if (!asked && (user == "root" || number_in(user) == 0)) user.clear();
  std::string list;
  try {
    list = co_await read_all(where, "/etc/passwd");
  } catch (const file_error& e) {
    if (e.word() != "not_found") throw;
  }
  auto line = find_line(list, user.empty() ? own_user : user);
  const auto uid = number_in(user);
  if (line && number_in((*line)[2]) && number_in((*line)[3]))
    co_return account{.uid = *number_in((*line)[2]), .gid = *number_in((*line)[3]), .home = (*line)[5]};
  if (!user.empty() && !uid)
    throw error(errc::invalid_field, fmt::format("user: \"{}\" has no user \"{}\"", where->self.name, user));
  co_return account{.uid = uid.value_or(own_uid), .gid = uid.value_or(own_uid), .home = {}};
}

task<std::string> engine_files::expand(space_ptr where, std::string path, std::string user) {
  if (!path.starts_with('~')) co_return path;
  const auto who = co_await find_account(where, std::move(user));
  if (!who.home.starts_with('/'))
    throw file_error("not_found", fmt::format("{}: without a door this user's home is not known", path));
  co_return who.home + path.substr(1);
}

task<engine_files::found> engine_files::look(space_ptr where, std::string path, std::string user) {
  path = co_await expand(where, std::move(path), std::move(user));
  auto about = co_await stat(where, path);
  if ((about.mode & engine::mode_link) != 0) { // its target is said resolved
    path = about.link_target;
    about = co_await stat(where, path);
  }
  if ((about.mode & (engine::mode_other | engine::mode_link)) != 0)
    throw file_error("not_a_file", path + ": it is neither a file nor a folder");
  const auto mtime = from_rfc3339(about.mtime);
  const auto since = mtime.time_since_epoch();
  co_return found{.path = path,
                  .is_folder = (about.mode & engine::mode_folder) != 0,
                  .size = about.size,
                  .mode = about.mode & 0777,
                  .mtime_ms = std::chrono::duration_cast<milliseconds>(since).count(),
                  .etag = fmt::format("\"{:x}-{:x}\"", about.size, since.count())};
}

task<std::unique_ptr<engine::byte_source>> engine_files::read(space_ptr where, const found& what) {
  try {
    auto tar = co_await docker_.get_archive(where->container, what.path);
    co_return std::make_unique<tar_content>(std::move(tar), what.size);
  } catch (const engine::engine_error& e) {
    refuse(e, what.path);
  }
}

task<std::unique_ptr<engine::byte_source>> engine_files::pack(space_ptr where, const found& what) {
  try {
    co_return co_await docker_.get_archive(where->container, what.is_folder ? what.path + "/." : what.path);
  } catch (const engine::engine_error& e) {
    refuse(e, what.path);
  }
}

task<bool> engine_files::write(space_ptr where, std::string path, std::string content, std::string user,
                               std::optional<unsigned> mode) {
  const auto who = co_await find_account(where, user);
  path = co_await expand(where, std::move(path), std::move(user));
  bool is_new = false;
  try {
    const auto there = co_await look(where, path, "");
    if (there.is_folder) throw file_error("is_a_folder", path + ": it is a folder");
    path = there.path;
    if (!mode) mode = there.mode;
  } catch (const file_error& e) {
    if (e.word() != "not_found") throw;
    is_new = true;
  }
  const auto slash = path.rfind('/');
  if (slash + 1 == path.size()) throw file_error("invalid", path + ": a file's name is missing");
  text_source tar(to_tar({.name = path.substr(slash + 1),
                          .mode = mode.value_or(0644),
                          .uid = who.uid,
                          .gid = who.gid,
                          .mtime = std::chrono::duration_cast<std::chrono::seconds>(
                                       std::chrono::system_clock::now().time_since_epoch())
                                       .count(),
                          .content = std::move(content)}));
  try {
    co_await docker_.put_archive(where->container, slash == 0 ? "/" : path.substr(0, slash), tar);
  } catch (const engine::engine_error& e) {
    refuse(e, path);
  }
  co_return is_new;
}

task<> engine_files::unpack(space_ptr where, const found& folder, engine::byte_source& tar) {
  if (!folder.is_folder) throw file_error("not_a_folder", folder.path + ": it is no folder");
  try {
    co_await docker_.put_archive(where->container, folder.path, tar);
  } catch (const engine::engine_error& e) {
    refuse(e, folder.path);
  }
}

} // namespace clawdspace::spaces
