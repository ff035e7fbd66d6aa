#include <clawdspace/core/log.hpp>
#include <clawdspace/core/unique_fd.hpp>
#include <clawdspace/space/folders.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <iterator>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace clawdspace::spaces {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void throw_errno(const fs::path& path) {
  throw std::system_error(errno, std::system_category(), path.string());
}

// Searchable by everyone: a space's root may be mapped to another uid. Readable by us alone.
void make_folder(const fs::path& path) {
  if (::mkdir(path.c_str(), 0711) != 0 && errno != EEXIST) throw_errno(path);
  if (::chmod(path.c_str(), 0711) != 0) throw_errno(path);
}

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw_errno(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Beside the target, then renamed: nobody sees half of it, and a crash leaves the old one.
void write_file(const fs::path& path, std::string_view content, mode_t mode) {
  const fs::path beside = path.string() + ".new";
  unique_fd file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!file) throw_errno(beside);
  while (!content.empty()) {
    const auto n = ::write(file.value(), content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno(beside);
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fchmod(file.value(), mode) != 0 || ::rename(beside.c_str(), path.c_str()) != 0) throw_errno(path);
}

// FNV-1a, 64 bits: tells versions of our own program apart, and guards nothing.
std::string content_name(std::string_view content) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const unsigned char c : content) hash = (hash ^ c) * 1099511628211ULL;
  return fmt::format("{:016x}", hash);
}

std::optional<milliseconds> time_in(const boost::json::object& from, std::string_view name) {
  const auto* value = from.if_contains(name);
  constexpr std::int64_t hundred_years = 100LL * 366 * 24 * 3600 * 1000; // the API's own limit
  if (value == nullptr || !value->is_int64() || value->get_int64() < 0 || value->get_int64() > hundred_years)
    return std::nullopt;
  return milliseconds(value->get_int64());
}

boost::json::value to_json(std::optional<milliseconds> time) {
  return time ? boost::json::value(time->count()) : boost::json::value(nullptr);
}

// The copy that is named by its content, made where it is not there yet.
fs::path keep_program(const fs::path& in, const fs::path& program, const char* name) {
  make_folder(in);
  const auto content = read_file(program);
  const auto home = in / content_name(content);
  make_folder(home);
  if (!fs::exists(home / name)) write_file(home / name, content, 0755);
  return home / name;
}

// A name that leads to another program is moved to this one in one step: a space may be starting it.
void point_to(const fs::path& name, const fs::path& program) {
  std::error_code ec;
  if (fs::equivalent(name, program, ec)) return;
  const fs::path beside = name.string() + ".new";
  if (::unlink(beside.c_str()) != 0 && errno != ENOENT) throw_errno(beside);
  if (::link(program.c_str(), beside.c_str()) != 0 || ::rename(beside.c_str(), name.c_str()) != 0)
    throw_errno(name);
}

} // namespace

folders::folders(fs::path root, const space_programs& programs) : root_(std::move(root)) {
  fs::create_directories(root_);
  root_ = fs::canonical(root_);
  make_folder(root_);
  lock_ = unique_fd(::open((root_ / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock_) throw_errno(root_ / "lock");
  if (::flock(lock_.value(), LOCK_EX | LOCK_NB) != 0)
    throw std::runtime_error(fmt::format("another clawdspaced uses the state folder {}", root_.string()));
  make_folder(root_ / "spaces");
  init_ = keep_program(root_ / "init", programs.init, "clawdspace-init");
  files_ = keep_program(root_ / "files", programs.files, "clawdspace-files");
}

fs::path folders::prepare(const std::string& id) const {
  const auto home = root_ / "spaces" / id;
  make_folder(home);
  make_folder(home / "door");
  const auto program = home / "door" / "init";
  if (::link(init_.c_str(), program.c_str()) != 0 && errno != EEXIST) throw_errno(program);
  point_to(home / "door" / "files", files_);
  return home / "door";
}

bool folders::has_this_init(const std::string& id) const noexcept {
  std::error_code ec;
  return fs::equivalent(root_ / "spaces" / id / "door" / "init", init_, ec);
}

void folders::remove(const std::string& id) const noexcept {
  std::error_code ec;
  fs::remove_all(root_ / "spaces" / id, ec);
  if (ec)
    log_warning("a space's folder could not be removed", {field("space", id), field("reason", ec.message())});
}

void folders::write_settings(const space& s) const {
  make_folder(root_ / "spaces" / s.self.id); // the space may have outlived the state folder
  boost::json::object metadata;
  for (const auto& [key, value] : s.settings.metadata) metadata[key] = value;
  write_file(root_ / "spaces" / s.self.id / "settings.json",
             boost::json::serialize(boost::json::object{
                 {"idleTimeoutMs", to_json(s.settings.idle_timeout)},
                 {"ttlMs", to_json(s.settings.time_to_live)},
                 {"memory", count(s.limits.memory)},
                 {"nanoCpus", count(s.limits.cpus)},
                 {"pids", s.limits.pids},
                 {"metadata", std::move(metadata)},
             }),
             0600);
}

void folders::read_settings(space& s) const {
  const auto path = root_ / "spaces" / s.self.id / "settings.json";
  if (!fs::exists(path)) return;
  boost::json::error_code ec;
  const auto parsed = boost::json::parse(read_file(path), ec);
  if (ec || !parsed.is_object()) {
    log_warning("a space's settings file cannot be read: its first settings hold",
                {field("space", s.self.name)});
    return;
  }
  const auto& from = parsed.get_object();
  s.settings.idle_timeout = time_in(from, "idleTimeoutMs");
  s.settings.time_to_live = time_in(from, "ttlMs");
  const auto number = [&](std::string_view name, std::int64_t otherwise) {
    const auto* value = from.if_contains(name);
    return value != nullptr && value->is_int64() ? value->get_int64() : otherwise;
  };
  s.limits.memory = bytes{number("memory", count(s.limits.memory))};
  s.limits.cpus = nano_cpus{number("nanoCpus", count(s.limits.cpus))};
  s.limits.pids = number("pids", s.limits.pids);
  if (const auto* metadata = from.if_contains("metadata"); metadata != nullptr && metadata->is_object()) {
    s.settings.metadata.clear();
    for (const auto& [key, value] : metadata->get_object())
      if (value.is_string()) s.settings.metadata.emplace(key, value.get_string());
  }
}

void folders::sweep(const std::string& engine_id, const std::vector<std::string>& ids) const {
  const auto note = root_ / "engine";
  const bool same_engine = fs::exists(note) && read_file(note) == engine_id;
  if (!same_engine) {
    write_file(note, engine_id, 0600);
    return;
  }
  for (const auto& entry : fs::directory_iterator(root_ / "spaces")) {
    const auto id = entry.path().filename().string();
    if (std::ranges::find(ids, id) == ids.end()) remove(id);
  }
}

} // namespace clawdspace::spaces
