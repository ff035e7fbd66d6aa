#include "client_impl.hpp"
#include <clawdspace/core/base64.hpp>
#include <clawdspace/engine/json.hpp>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

namespace clawdspace::engine {

namespace {

constexpr std::size_t piece_size = 64 << 10;

class body_source final : public byte_source {
 public:
  body_source(std::unique_ptr<connection> link, milliseconds patience, std::string what)
      : link_(std::move(link)), patience_(patience), what_(std::move(what)) {}

  task<std::size_t> read_some(std::span<std::byte> into) override {
    if (piece_.empty()) piece_ = co_await in_time(patience_, what_, link_->read_body());
    const auto size = std::min(piece_.size(), into.size());
    if (size > 0) std::memcpy(into.data(), piece_.data(), size);
    piece_ = piece_.subspan(size);
    co_return size;
  }

 private:
  std::unique_ptr<connection> link_;
  milliseconds patience_;
  std::string what_;
  std::span<const std::byte> piece_; ///< within the connection's buffer
};

std::string archive_path(std::string_view container) {
  return fmt::format("/containers/{}/archive", escaped(container));
}

} // namespace

task<path_stat> client::stat_path(std::string container, std::string path) {
  const auto got = co_await impl_->call(
      {.method = "HEAD", .path = archive_path(container), .query = "path=" + escaped(path)});
  const auto told = got.head.headers.find("X-Docker-Container-Path-Stat");
  const auto text = told ? from_base64(*told) : result<std::string>(std::string());
  if (!text) throw error(errc::engine_failed, "the Engine's words about a path are not base64");
  co_return read_path_stat(parse_answer(*text, "what stands at a path"));
}

task<std::unique_ptr<byte_source>> client::get_archive(std::string container, std::string path) {
  impl::request r{.method = "GET", .path = archive_path(container), .query = "path=" + escaped(path)};
  auto what = impl::name_of(r);
  auto opened = co_await impl_->open(std::move(r), false);
  co_return std::make_unique<body_source>(std::move(opened.link), impl_->settings().call_time,
                                          std::move(what));
}

task<> client::put_archive(std::string container, std::string path, byte_source& tar) {
  const impl::request r{.method = "PUT",
                        .path = archive_path(container),
                        .query = "path=" + escaped(path),
                        .repeatable = false};
  const auto link = co_await impl_->begin_upload(r, "application/x-tar");
  // A chunk is its size in hexadecimal, the data and a line end (RFC 9112 section 7.1), sent in one piece:
  // the size is written right-aligned into the room before the data.
  constexpr std::size_t room = 10;
  std::vector<std::byte> chunk(room + piece_size + 2);
  for (;;) {
    const auto size = co_await tar.read_some(std::span(chunk).subspan(room, piece_size));
    const auto head = fmt::format("{:x}\r\n", size);
    const auto first = room - head.size();
    std::memcpy(chunk.data() + first, head.data(), head.size());
    std::memcpy(chunk.data() + room + size, "\r\n", 2);
    const auto message = std::span<const std::byte>(chunk).subspan(first, head.size() + size + 2);
    // The source may take its time; the Engine may not. It may answer before the end: it refuses, or it has
    // seen the end of the archive and does not care for the padding.
    const bool answered =
        co_await in_time(impl_->settings().call_time, impl::name_of(r), link->send_unless_answered(message));
    if (answered || size == 0) break;
  }
  co_await impl_->end_upload(*link, r);
}

} // namespace clawdspace::engine
