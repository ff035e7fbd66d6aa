#include <clawdspace/core/error.hpp>
#include <clawdspace/core/unique_fd.hpp>
#include <clawdspace/proxy/passes.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace clawdspace::proxy {

namespace {

[[noreturn]] void throw_errno(const std::filesystem::path& about) {
  throw std::system_error(errno, std::system_category(), about.string());
}

passes::secret make_secret() {
  passes::secret made;
  // Up to 256 bytes come whole and at once (getrandom(2)).
  if (::getrandom(made.data(), made.size(), 0) != static_cast<ssize_t>(made.size()))
    throw std::system_error(errno, std::system_category(), "getrandom");
  return made;
}

// Beside its place and then renamed: half a secret would be another one.
void write_secret(const std::filesystem::path& file, const passes::secret& made) {
  const std::filesystem::path beside = file.string() + ".new";
  const unique_fd out(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!out || ::fchmod(out.value(), 0600) != 0 ||
      ::write(out.value(), made.data(), made.size()) != static_cast<ssize_t>(made.size()) ||
      ::fsync(out.value()) != 0 || ::rename(beside.c_str(), file.c_str()) != 0)
    throw_errno(file);
}

} // namespace

passes passes::load(const std::filesystem::path& file) {
  const unique_fd kept(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  secret key;
  if (kept) {
    if (::read(kept.value(), key.data(), key.size()) == static_cast<ssize_t>(key.size())) return passes(key);
  } else if (errno != ENOENT) {
    throw_errno(file);
  }
  key = make_secret();
  write_secret(file, key);
  return passes(key);
}

std::string passes::sign(kind what, std::string_view space_id, std::uint16_t port,
                         std::string_view until) const {
  const auto text = fmt::format("{}/{}/{}/{}", static_cast<char>(what), space_id, port, until);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size) == nullptr)
    throw error(errc::internal, "HMAC-SHA256 failed");
  std::string hex;
  for (unsigned i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

std::string passes::make(kind what, std::string_view space_id, std::uint16_t port, time_point until) const {
  const auto seconds =
      fmt::format("{}", std::chrono::duration_cast<std::chrono::seconds>(until.time_since_epoch()).count());
  return fmt::format("{}.{}", seconds, sign(what, space_id, port, seconds));
}

time_point passes::check(kind what, std::string_view space_id, std::uint16_t port, std::string_view pass,
                         time_point now) const {
  const auto dot = pass.find('.');
  if (dot == pass.npos) return {};
  const auto until = pass.substr(0, dot);
  std::int64_t seconds = 0;
  const auto [end, ec] = std::from_chars(until.data(), until.data() + until.size(), seconds);
  if (ec != std::errc{} || end != until.data() + until.size() || seconds < 0 || seconds > 1LL << 40)
    return {};
  const auto wanted = sign(what, space_id, port, until);
  const auto given = pass.substr(dot + 1);
  if (given.size() != wanted.size() || CRYPTO_memcmp(given.data(), wanted.data(), wanted.size()) != 0)
    return {};
  const time_point when{std::chrono::seconds(seconds)};
  return when > now ? when : time_point{};
}

} // namespace clawdspace::proxy
