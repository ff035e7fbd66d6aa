#pragma once

#include "exec_things.hpp"

#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace clawdspace::test {

/// Codes of RFC 6455, section 7.4.1.
namespace closed {
inline constexpr unsigned normal = 1000;
inline constexpr unsigned going_away = 1001;
inline constexpr unsigned bad_text = 1007;
inline constexpr unsigned policy = 1008;
inline constexpr unsigned too_large = 1009;
inline constexpr unsigned try_again = 1013;
} // namespace closed

/// A terminal's client, frame by frame. Answers pings; every wait has a bound and then throws
/// std::runtime_error.
class terminal_client {
 public:
  static constexpr const char* handshake = "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                           "Sec-WebSocket-Version: 13\r\n";

  /// Fails the test where the handshake does. `with_key`: in the header, as no browser can.
  explicit terminal_client(const std::string& target, bool with_key = true, int receive_buffer = 0);

  terminal_client& type(std::string_view bytes); ///< binary
  terminal_client& say(const json::value& message);
  /// One frame; `head` is its first byte.
  terminal_client& frame(unsigned head, std::string_view payload);
  void close(unsigned code = closed::normal);
  /// Without a word.
  void reset() { wire_.reset(); }

  /// The terminal's bytes up to and with `words`; what follows stays for the next wait.
  std::string wait_for(std::string_view words);
  /// The next message of this type; others are passed over.
  json::object message(std::string_view type);
  /// Reads to the end: the code of the close frame; 0 where it has none.
  unsigned close_code();
  [[nodiscard]] const std::string& close_reason() const noexcept { return reason_; }
  /// All bytes that came and were not waited for.
  [[nodiscard]] const std::string& output() const noexcept { return output_; }
  /// Of the command, from the message that every terminal begins with.
  [[nodiscard]] std::string id() const { return text(started_, "id"); }
  [[nodiscard]] const json::object& started() const noexcept { return started_; }

 private:
  void read_frame();

  raw_client wire_;
  json::object started_;
  std::string output_;
  std::string fragments_;
  unsigned opcode_ = 0; ///< of the message whose fragments come
  std::deque<json::object> messages_;
  std::optional<unsigned> code_;
  std::string reason_;
};

/// The path of a new terminal in a space; `query` as in `rows=30&cols=90`.
std::string terminal_path(std::string_view space, std::string_view query = "");
/// The same, running a text for the shell.
std::string terminal_running(std::string_view space, std::string_view command, std::string_view query = "");
/// The answer to a handshake with these headers: an error, unless it is a WebSocket now (101).
reply try_handshake(const std::string& target, std::string_view headers, std::string_view method = "GET");

} // namespace clawdspace::test
