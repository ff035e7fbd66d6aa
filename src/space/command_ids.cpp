#include <clawdspace/core/random.hpp>
#include <clawdspace/core/unique_fd.hpp>
#include <clawdspace/space/command_ids.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace clawdspace::spaces {

namespace {

constexpr std::size_t chance_size = 16; // characters: 64 bits
constexpr std::size_t tag_size = 8;     // 32 bits

[[noreturn]] void throw_errno(const std::filesystem::path& about) {
  throw std::system_error(errno, std::system_category(), about.string());
}

bool read_whole(int file, siphash_key& into) {
  std::size_t have = 0;
  while (have < into.size()) {
    const auto n = ::read(file, into.data() + have, into.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    have += static_cast<std::size_t>(n);
  }
  return true;
}

siphash_key make_secret() {
  siphash_key secret;
  while (::getrandom(secret.data(), secret.size(), 0) != static_cast<ssize_t>(secret.size()))
    if (errno != EINTR) throw std::system_error(errno, std::system_category(), "getrandom");
  return secret;
}

// Beside its place and then renamed: half a secret would be another one.
void write_secret(const std::filesystem::path& path, const siphash_key& secret) {
  const std::filesystem::path beside = path.string() + ".new";
  const unique_fd file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file || ::fchmod(file.value(), 0600) != 0 ||
      ::write(file.value(), secret.data(), secret.size()) != static_cast<ssize_t>(secret.size()) ||
      ::fsync(file.value()) != 0 || ::rename(beside.c_str(), path.c_str()) != 0)
    throw_errno(path);
}

} // namespace

command_ids command_ids::load(const std::filesystem::path& file) {
  const unique_fd kept(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  siphash_key secret;
  if (kept) {
    if (read_whole(kept.value(), secret)) return command_ids(secret);
  } else if (errno != ENOENT) {
    throw_errno(file);
  }
  secret = make_secret();
  write_secret(file, secret);
  return command_ids(secret);
}

std::string command_ids::tag(std::string_view space_id, std::string_view chance) const {
  const auto text = fmt::format("{}/{}", chance, space_id);
  return fmt::format("{:08x}", siphash(secret_, std::as_bytes(std::span(text))) >> 32);
}

std::string command_ids::make(std::string_view space_id) const {
  auto id = random_hex(chance_size / 2);
  return id += tag(space_id, id);
}

bool command_ids::is_ours(std::string_view space_id, std::string_view id) const {
  if (id.size() != chance_size + tag_size) return false;
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (!std::ranges::all_of(id, is_hex)) return false;
  return id.substr(chance_size) == tag(space_id, id.substr(0, chance_size));
}

} // namespace clawdspace::spaces
