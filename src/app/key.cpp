#include <clawdspace/app/key.hpp>
#include <clawdspace/core/error.hpp>
#include <clawdspace/core/random.hpp>
#include <clawdspace/core/unique_fd.hpp>

#include <asio/ip/address.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <unistd.h>

namespace clawdspace::app {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t shortest_key = 16;
constexpr std::array<std::string_view, 8> well_known{"changeme", "secret",  "password", "clawdspace",
                                                     "test",     "api-key", "apikey",   "default"};

std::string read_key(const fs::path& file) {
  std::ifstream in(file);
  std::string key;
  if (!std::getline(in, key))
    throw error(errc::invalid_field,
                fmt::format("the key file {} cannot be read, or is empty", file.string()));
  return key;
}

std::string make_key(const fs::path& file) {
  const auto key = random_hex(24);
  fs::create_directories(file.parent_path());
  unique_fd out(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const auto line = key + "\n";
  if (!out || ::write(out.value(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    throw std::system_error(errno, std::system_category(), file.string());
  return key;
}

// `changemechangeme` is no better than `changeme`.
bool is_well_known(std::string_view key) {
  return std::ranges::any_of(well_known, [&](std::string_view word) {
    for (std::size_t at = 0; at < key.size(); ++at)
      if (key[at] != word[at % word.size()]) return false;
    return true;
  });
}

} // namespace

std::string check_key(const configuration& config) {
  std::error_code ec;
  const auto address = asio::ip::make_address(config.server.listen, ec);
  if (ec)
    throw error(errc::invalid_field,
                fmt::format("server.listen: \"{}\" is not an address", config.server.listen));

  std::string key = config.server.api_key;
  if (key.empty() && !config.server.key_file.empty()) key = read_key(config.server.key_file);
  if (!std::ranges::all_of(key, [](unsigned char c) { return c > 0x20 && c < 0x7f; }))
    throw error(errc::invalid_field, "the API key has characters that cannot stand in a header");
  if (!address.is_loopback()) {
    if (key.empty())
      throw error(
          errc::invalid_field,
          fmt::format("listening on {} needs an API key: set server.api_key, server.key_file or API_KEY",
                      config.server.listen));
    if (key.size() < shortest_key)
      throw error(errc::invalid_field,
                  fmt::format("listening on {} needs an API key of at least {} characters",
                              config.server.listen, shortest_key));
    if (is_well_known(key))
      throw error(errc::invalid_field, fmt::format("listening on {} needs an API key that cannot be guessed",
                                                   config.server.listen));
  }
  return key;
}

std::string find_key(const configuration& config) {
  if (auto key = check_key(config); !key.empty()) return key;
  const auto kept = config.state.dir / "key";
  return fs::exists(kept) ? read_key(kept) : make_key(kept);
}

} // namespace clawdspace::app
