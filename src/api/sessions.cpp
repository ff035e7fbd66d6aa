#include "constant_time.hpp"
#include <clawdspace/api/sessions.hpp>
#include <clawdspace/core/random.hpp>
#include <clawdspace/core/unique_fd.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <sys/random.h>
#include <system_error>
#include <unistd.h>

namespace clawdspace::api {

using namespace std::chrono_literals;

namespace {

constexpr std::string_view prefix = session_prefix;
constexpr std::size_t chance = 8; // bytes
constexpr std::size_t about_size = 12 + 2 * chance, seal_size = 32;
constexpr auto life = std::chrono::hours(24 * 7);

[[noreturn]] void throw_errno(const std::filesystem::path& about) {
  throw std::system_error(errno, std::system_category(), about.string());
}

} // namespace

sessions::secret sessions::load_secret(const std::filesystem::path& file) {
  secret own{};
  const unique_fd kept(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!kept && errno != ENOENT) throw_errno(file);
  if (kept && ::read(kept.value(), own.data(), sizeof own) == static_cast<ssize_t>(sizeof own)) return own;
  while (::getrandom(own.data(), sizeof own, 0) != static_cast<ssize_t>(sizeof own))
    if (errno != EINTR) throw_errno("getrandom");
  // Beside its place and then renamed: half a secret would be another one.
  const std::filesystem::path beside = file.string() + ".new";
  const unique_fd fresh(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fresh || ::fchmod(fresh.value(), 0600) != 0 ||
      ::write(fresh.value(), own.data(), sizeof own) != static_cast<ssize_t>(sizeof own) ||
      ::fsync(fresh.value()) != 0 || ::rename(beside.c_str(), file.c_str()) != 0)
    throw_errno(file);
  return own;
}

std::string sessions::seal(std::string_view about) const {
  const auto text = fmt::format("{}{}/{}", prefix, about, key_);
  const auto data = std::as_bytes(std::span(text));
  return fmt::format("{:016x}{:016x}", siphash(secret_[0], data), siphash(secret_[1], data));
}

sessions::session sessions::issue() const {
  const auto expires = std::chrono::floor<std::chrono::seconds>(clock_.now() + life);
  const auto about = fmt::format("{:012x}{}", expires.time_since_epoch().count(), random_hex(chance));
  return {fmt::format("{}{}{}", prefix, about, seal(about)), expires};
}

bool sessions::is_good(std::string_view text) const {
  if (text.size() != prefix.size() + about_size + seal_size || !text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  const auto about = text.substr(0, about_size);
  if (!equal_in_constant_time(text.substr(about_size), seal(about))) return false;
  std::int64_t expires = 0;
  const auto when = about.substr(0, 12); // sealed, so it is what `issue` wrote
  std::from_chars(when.data(), when.data() + when.size(), expires, 16);
  return clock_.now() < time_point(std::chrono::seconds(expires));
}

} // namespace clawdspace::api
