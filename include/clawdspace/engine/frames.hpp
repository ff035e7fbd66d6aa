#pragma once

#include <clawdspace/core/result.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace clawdspace::engine {

/// Which of a process's outputs bytes came from.
enum class channel { stdout_, stderr_ };

/// Takes an exec's multiplexed stream apart, without I/O (Engine API, "Attach to a container": frames of an
/// 8-byte header `{stream, 0, 0, 0, length as 4 bytes big-endian}` and the payload). Payload is handed out
/// where it lies and as soon as it is there, not frame by frame. After an error the stream cannot be read
/// further.
class demultiplexer {
 public:
  /// One length is believed up to here; reading a terminal's bytes as frames gives lengths above a gigabyte.
  static constexpr std::uint32_t longest_frame = 16U << 20;
  /// Frames up to this are moved up to their predecessor of the same channel: cheaper than a turn of the loop
  /// and a write to the client for each (head, cat and the like write 8 KiB and more at a time).
  static constexpr std::uint32_t small_frame = 16U << 10;

  struct step {
    std::size_t taken = 0; ///< bytes of the input that were used
    channel from = channel::stdout_;
    std::span<const std::byte> data; ///< within the input; empty: all was taken and more is needed
  };

  /// Takes some of `input`, which it may rearrange. Fails with errc::engine_failed for what is not a frame,
  /// and with the Engine's words where it reports an error of its own in the stream.
  result<step> feed(std::span<std::byte> input);

  /// Whether the stream may end here.
  [[nodiscard]] bool between_frames() const noexcept { return header_size_ == 0 && left_ == 0; }

 private:
  struct header {
    std::uint8_t stream = 0;
    std::uint32_t length = 0;
  };
  static result<header> read_header(std::span<const std::byte, 8> from);
  void merge(std::span<std::byte> input, step& got) const;

  std::array<std::byte, 8> header_{}; ///< what came of one
  std::size_t header_size_ = 0;
  std::uint8_t stream_ = 0;
  std::uint32_t left_ = 0; ///< of the frame's payload
  std::string words_;      ///< an error of the Engine's own, as far as it has come
};

} // namespace clawdspace::engine
