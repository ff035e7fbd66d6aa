#pragma once

#include <clawdspace/core/result.hpp>
#include <clawdspace/core/units.hpp>
#include <clawdspace/http/message.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace clawdspace::http {

struct parser_limits {
  bytes head = 64_KiB;
  std::size_t header_count = 100;
  bytes chunk_overhead = 16_KiB; ///< chunk-size lines and extensions between two chunks, and trailers
};

/// What `feed` made of the bytes.
struct parse_step {
  enum class kind {
    need_more, ///< everything was taken, nothing is ready
    head,      ///< the head is whole: `request()` or `response()`
    interim,   ///< an interim response (RFC 9110 section 15.2) is whole: `response()`; another follows
    body,      ///< `data` is a piece of the body; it points into what was fed
    end,       ///< the message is over, `trailers()` whole; what was not taken belongs to the next one
    upgraded,  ///< 101, or a 200 that is a stream: what was not taken is the stream's first bytes
  };
  kind what = kind::need_more;
  std::size_t taken = 0; ///< bytes of the input that were used
  std::span<const std::byte> data;
};

/// HTTP/1.1 messages without I/O: bytes in, events out. llhttp in strict mode, plus what it leaves to its
/// user (RFC 9112 sections 3.2, 6.1, 6.3; every size bounded). After an error the connection must be closed:
/// never resynchronise.
class parser {
 public:
  enum class role { server, client };

  parser(role what, parser_limits limits);
  ~parser();
  parser(parser&&) noexcept;
  parser& operator=(parser&&) noexcept;

  /// Takes some of `input`. Fails with errc::malformed_request; `status()` then tells which status fits best
  /// (400, 413, 414, 431, 501, 505).
  result<parse_step> feed(std::span<const std::byte> input);
  /// The peer has closed: the end of a message that lasts till then, or an error where it is cut short.
  result<parse_step> finish();

  /// So many bytes of a body of known length went another way than through here. Only between two pieces of
  /// it, and for less than what is to come.
  void pass_over(std::uint64_t size);

  /// Client only: the next response answers this method (a HEAD has no body); `stream`: a 101, or a 200
  /// without a length, is a hijacked stream.
  void expect_response_to(std::string_view method, bool stream);
  /// The same for one who passes responses on: interim ones are told too, and only a 101 becomes a stream,
  /// where an upgrade was asked for.
  void expect_any_response_to(std::string_view method, bool upgrade);

  [[nodiscard]] request_head& request();
  [[nodiscard]] response_head& response();
  /// What came behind a chunked body; until the next message begins.
  [[nodiscard]] fields& trailers();
  [[nodiscard]] int status() const noexcept;
  /// Whether a byte of the current message has been taken.
  [[nodiscard]] bool in_message() const noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace clawdspace::http
