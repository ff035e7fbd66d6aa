#include "engine_tar.hpp"

#include <clawdspace/core/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

namespace clawdspace::spaces {

namespace {

constexpr std::size_t block = 512;
constexpr std::size_t name_size = 100;
constexpr std::int64_t most_in_octal = 07777777; // of an owner: seven digits

[[noreturn]] void broken() {
  throw error(errc::engine_failed, "the Engine's archive of a file is not what it should be");
}

std::uint64_t octal(std::string_view text) {
  std::uint64_t value = 0;
  for (const char c : text.substr(std::min(text.find_first_not_of(' '), text.size()))) {
    if (c < '0' || c > '7') break;
    value = value * 8 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

void put(std::string& header, std::size_t at, std::string_view text) {
  header.replace(at, text.size(), text);
}

std::string to_header(std::string_view name, char type, unsigned mode, std::int64_t uid, std::int64_t gid,
                      std::int64_t mtime, std::size_t size) {
  std::string header(block, '\0');
  put(header, 0, name.substr(0, name_size));
  put(header, 100, fmt::format("{:07o}", mode));
  put(header, 108, fmt::format("{:07o}", std::min(uid, most_in_octal)));
  put(header, 116, fmt::format("{:07o}", std::min(gid, most_in_octal)));
  put(header, 124, fmt::format("{:011o}", size));
  put(header, 136, fmt::format("{:011o}", mtime));
  put(header, 148, "        ");
  header[156] = type;
  put(header, 257,
      std::string_view("ustar\0"
                       "00",
                       8));
  const auto sum = std::accumulate(header.begin(), header.end(), 0U,
                                   [](unsigned all, char c) { return all + static_cast<unsigned char>(c); });
  put(header, 148, fmt::format("{:06o}", sum));
  header[154] = '\0';
  return header;
}

void add_padded(std::string& tar, std::string_view content) {
  tar += content;
  tar.append((block - content.size() % block) % block, '\0');
}

/// `LENGTH KEY=VALUE\n`, the length counting itself.
std::string pax_record(std::string_view key, std::string_view value) {
  const auto rest = key.size() + value.size() + 3;
  auto size = rest + fmt::formatted_size("{}", rest);
  if (fmt::formatted_size("{}", size) + rest != size) ++size;
  return fmt::format("{} {}={}\n", size, key, value);
}

} // namespace

task<> tar_content::read_block(std::span<std::byte> into) {
  while (!into.empty()) {
    const auto n = co_await tar_->read_some(into);
    if (n == 0) broken();
    into = into.subspan(n);
  }
}

// Past the records that only say more about the file: the Engine has told what is needed of it.
task<> tar_content::skip_head() {
  std::array<std::byte, block> header;
  for (int i = 0; i < 16; ++i) {
    co_await read_block(header);
    const std::string_view text(reinterpret_cast<const char*>(header.data()), header.size());
    const char type = text[156];
    if (type == '0' || type == '\0') co_return;
    if (type != 'x' && type != 'g' && type != 'L' && type != 'K') broken();
    for (auto blocks = (octal(text.substr(124, 12)) + block - 1) / block; blocks > 0; --blocks)
      co_await read_block(header);
  }
  broken();
}

task<std::size_t> tar_content::read_some(std::span<std::byte> into) {
  if (left_ == 0) co_return 0;
  if (!std::exchange(begun_, true)) co_await skip_head();
  const auto n = co_await tar_->read_some(into.first(std::min<std::uint64_t>(into.size(), left_)));
  if (n == 0) broken();
  left_ -= n;
  co_return n;
}

std::string to_tar(const tar_file& file) {
  std::string records;
  if (file.name.size() > name_size) records += pax_record("path", file.name);
  if (file.uid > most_in_octal) records += pax_record("uid", std::to_string(file.uid));
  if (file.gid > most_in_octal) records += pax_record("gid", std::to_string(file.gid));
  std::string tar;
  if (!records.empty()) {
    tar += to_header("more", 'x', 0644, 0, 0, file.mtime, records.size());
    add_padded(tar, records);
  }
  tar += to_header(file.name, '0', file.mode, file.uid, file.gid, file.mtime, file.content.size());
  add_padded(tar, file.content);
  tar.append(2 * block, '\0');
  return tar;
}

} // namespace clawdspace::spaces
