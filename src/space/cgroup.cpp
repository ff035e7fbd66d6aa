#include <clawdspace/space/cgroup.hpp>

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <fcntl.h>
#include <unistd.h>

namespace clawdspace::spaces {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t most = std::size_t{256} << 10; // bytes of one file; they have a few thousand

std::optional<std::string> text_of(const fs::path& file) {
  const unique_fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return std::nullopt;
  std::string text;
  std::array<char, 4096> piece;
  while (text.size() < most) {
    const auto n = ::read(fd.value(), piece.data(), piece.size());
    if (n < 0) return std::nullopt;
    if (n == 0) break;
    text.append(piece.data(), static_cast<std::size_t>(n));
  }
  return text;
}

/// Cuts the next piece off `text`.
std::string_view take(std::string_view& text, char separator) {
  const auto end = text.find(separator);
  const auto piece = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  return piece;
}

std::string_view take_word(std::string_view& text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  return take(text, ' ');
}

std::optional<std::uint64_t> to_number(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  std::uint64_t number = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> number_in(const fs::path& file) {
  const auto text = text_of(file);
  return text ? to_number(*text) : std::nullopt;
}

/// Of `key 123` on a line of its own.
std::optional<std::uint64_t> number_after(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    auto line = take(text, '\n');
    if (take(line, ' ') == key) return to_number(line);
  }
  return std::nullopt;
}

/// v2: `8:0 rbytes=1 wbytes=2 …`, a line a device.
void add_unified_io(std::string_view text, usage_reading& to) {
  to.read_bytes = to.written_bytes = 0;
  while (!text.empty()) {
    auto line = take(text, '\n');
    while (!line.empty()) {
      auto word = take_word(line);
      const auto name = take(word, '=');
      if (name == "rbytes") *to.read_bytes += to_number(word).value_or(0);
      if (name == "wbytes") *to.written_bytes += to_number(word).value_or(0);
    }
  }
}

/// v1: `8:0 Read 1`, and `Total 3` at the end.
void add_io(std::string_view text, usage_reading& to) {
  to.read_bytes = to.written_bytes = 0;
  while (!text.empty()) {
    auto line = take(text, '\n');
    take_word(line);
    const auto what = take_word(line);
    if (what == "Read") *to.read_bytes += to_number(take_word(line)).value_or(0);
    if (what == "Write") *to.written_bytes += to_number(take_word(line)).value_or(0);
  }
}

/// /proc/PID/net/dev: two lines of headings, then `name: received …7 more… sent …`.
void add_network(std::string_view text, usage_reading& to) {
  take(text, '\n');
  take(text, '\n');
  to.received_bytes = to.sent_bytes = 0;
  while (!text.empty()) {
    auto line = take(text, '\n');
    const auto colon = line.rfind(':');
    if (colon == line.npos) continue;
    auto name = line.substr(0, colon);
    while (name.starts_with(' ')) name.remove_prefix(1);
    if (name == "lo") continue;
    line.remove_prefix(colon + 1);
    *to.received_bytes += to_number(take_word(line)).value_or(0);
    for (int skipped = 0; skipped < 7; ++skipped) take_word(line);
    *to.sent_bytes += to_number(take_word(line)).value_or(0);
  }
}

std::string_view group_path(std::string_view text, std::string_view controller) {
  while (!text.empty()) {
    auto line = take(text, '\n'); // `4:memory:/docker/ID`; v2: `0::/docker/ID`
    take(line, ':');
    auto controllers = take(line, ':');
    if (controllers.empty() && controller.empty()) return line;
    while (!controllers.empty())
      if (take(controllers, ',') == controller) return line;
  }
  return {};
}

} // namespace

cgroup_mounts cgroup_mounts::parse(std::string_view mountinfo) {
  cgroup_mounts found;
  while (!mountinfo.empty()) {
    auto line = take(mountinfo, '\n');
    const auto dash = line.find(" - ");
    if (dash == line.npos) continue;
    auto about = line.substr(dash + 3);
    const auto type = take_word(about);
    if (type != "cgroup" && type != "cgroup2") continue;
    take_word(about); // the source
    for (int skipped = 0; skipped < 3; ++skipped) take_word(line);
    const auto root = take_word(line);
    const auto at = take_word(line);
    found.mounts_.push_back({type == "cgroup2" ? ",," : fmt::format(",{},", take_word(about)),
                             std::string(root), std::string(at)});
  }
  return found;
}

cgroup_mounts cgroup_mounts::of_this_process() { return parse(text_of("/proc/self/mountinfo").value_or("")); }

std::optional<fs::path> cgroup_mounts::find(std::string_view controller, std::string_view path) const {
  const auto wanted = fmt::format(",{},", controller);
  for (const auto& m : mounts_) {
    if (m.controllers.find(wanted) == std::string::npos) continue;
    auto below = path;
    if (m.root != "/") {
      if (!below.starts_with(m.root)) continue;
      below.remove_prefix(m.root.size());
    }
    while (below.starts_with('/')) below.remove_prefix(1);
    return m.at / below;
  }
  return std::nullopt;
}

std::optional<cgroup> cgroup::find(const cgroup_mounts& mounts, std::string_view text,
                                   std::string_view container) {
  const auto at = [&](std::string_view controller) -> std::optional<fs::path> {
    const auto path = group_path(text, controller);
    if (container.size() < 64 || path.find(container) == path.npos) return std::nullopt;
    return mounts.find(controller, path);
  };
  cgroup found;
  if (const auto cpu = at("cpuacct"), memory = at("memory"), pids = at("pids"); cpu && memory && pids) {
    found.cpu_ = *cpu;
    found.memory_ = *memory;
    found.pids_ = *pids;
    if (const auto io = at("blkio")) found.io_ = *io;
    return found;
  }
  const auto whole = at("");
  if (!whole || ::access((*whole / "cpu.stat").c_str(), R_OK) != 0) return std::nullopt;
  found.cpu_ = found.memory_ = found.pids_ = found.io_ = *whole;
  found.unified_ = true;
  return found;
}

std::optional<cgroup> cgroup::find(const cgroup_mounts& mounts, pid_t process, std::string_view container) {
  if (process <= 0) return std::nullopt;
  const auto text = text_of(fmt::format("/proc/{}/cgroup", process));
  return text ? find(mounts, *text, container) : std::nullopt;
}

std::optional<usage_reading> cgroup::read(pid_t process) const {
  usage_reading now;
  std::optional<std::uint64_t> cpu;
  if (unified_) {
    if (const auto text = text_of(cpu_ / "cpu.stat"))
      if (const auto us = number_after(*text, "usage_usec")) cpu = *us * 1000;
  } else {
    cpu = number_in(cpu_ / "cpuacct.usage");
  }
  const auto memory = number_in(memory_ / (unified_ ? "memory.current" : "memory.usage_in_bytes"));
  if (!cpu || !memory) return std::nullopt;
  now.cpu_ns = *cpu;
  now.memory = *memory;
  if (const auto text = text_of(memory_ / "memory.stat")) {
    const auto droppable =
        number_after(*text, unified_ ? "inactive_file" : "total_inactive_file").value_or(0);
    if (droppable < now.memory) now.memory -= droppable;
  }
  now.pids = number_in(pids_ / "pids.current").value_or(0);
  if (unified_) {
    if (const auto text = text_of(io_ / "io.stat")) add_unified_io(*text, now);
  } else if (!io_.empty()) {
    if (const auto text = text_of(io_ / "blkio.throttle.io_service_bytes_recursive")) add_io(*text, now);
  }
  if (process > 0)
    if (const auto text = text_of(fmt::format("/proc/{}/net/dev", process))) add_network(*text, now);
  return now;
}

} // namespace clawdspace::spaces
