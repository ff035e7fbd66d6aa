#include <clawdspace/engine/frames.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace clawdspace::engine {

namespace {

// moby pkg/stdcopy; 0 is an echo of stdin, "written on stdout" (API documentation), 1 is stdout.
constexpr std::uint8_t stderr_stream = 2;
constexpr std::uint8_t engine_error_stream = 3;

constexpr std::size_t longest_words = 4096;

channel channel_of(std::uint8_t stream) {
  return stream == stderr_stream ? channel::stderr_ : channel::stdout_;
}

} // namespace

result<demultiplexer::header> demultiplexer::read_header(std::span<const std::byte, 8> from) {
  const auto at = [&](std::size_t i) { return std::to_integer<std::uint32_t>(from[i]); };
  const header read{.stream = std::to_integer<std::uint8_t>(from[0]),
                    .length = at(4) << 24 | at(5) << 16 | at(6) << 8 | at(7)};
  if (read.stream > engine_error_stream || at(1) != 0 || at(2) != 0 || at(3) != 0 ||
      read.length > longest_frame)
    return failure(errc::engine_failed,
                   fmt::format("the Engine's stream has a broken frame (stream {}, {} bytes)", read.stream,
                               read.length));
  return read;
}

result<demultiplexer::step> demultiplexer::feed(std::span<std::byte> input) {
  step got;
  while (got.taken < input.size()) {
    if (left_ == 0) {
      const auto part = std::min(header_.size() - header_size_, input.size() - got.taken);
      std::memcpy(header_.data() + header_size_, input.data() + got.taken, part);
      header_size_ += part;
      got.taken += part;
      if (header_size_ < header_.size()) break;
      const auto read = read_header(header_);
      if (!read) return tl::unexpected(read.error());
      header_size_ = 0;
      stream_ = read->stream;
      left_ = read->length;
      continue; // a frame may be empty
    }

    const auto part = std::min<std::size_t>(left_, input.size() - got.taken);
    const auto data = input.subspan(got.taken, part);
    got.taken += part;
    left_ -= static_cast<std::uint32_t>(part);
    if (stream_ != engine_error_stream) {
      got.from = channel_of(stream_);
      got.data = data;
      if (left_ == 0) merge(input, got);
      break;
    }
    const auto room = std::min(data.size(), longest_words - words_.size());
    for (const std::byte b : data.first(room)) words_ += static_cast<char>(b);
    if (left_ == 0)
      return failure(errc::engine_failed, fmt::format("the Engine broke off the stream: {}", words_));
  }
  return got;
}

void demultiplexer::merge(std::span<std::byte> input, step& got) const {
  // The payload ends at input[taken], and the gap that headers leave before it only grows.
  std::byte* const first = input.data() + (got.data.data() - input.data());
  std::size_t size = got.data.size();
  while (input.size() - got.taken >= header_.size()) {
    const auto next = read_header(input.subspan(got.taken).first<8>());
    if (!next || next->stream == engine_error_stream || channel_of(next->stream) != got.from) break;
    if (next->length > small_frame || next->length > input.size() - got.taken - header_.size()) break;
    std::memmove(first + size, input.data() + got.taken + header_.size(), next->length);
    size += next->length;
    got.taken += header_.size() + next->length;
  }
  got.data = {first, size};
}

} // namespace clawdspace::engine
