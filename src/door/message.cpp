#include <clawdspace/door/message.hpp>
#include <clawdspace/door/protocol.hpp>
#include <clawdspace/door/words.hpp>

#include <asio/ip/address.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <span>

namespace clawdspace::door {

namespace {

using words_view = std::span<const std::string_view>;

constexpr std::size_t most_words = 16;
constexpr std::size_t most_prose = 1024; // bytes of a failure's words that are kept
constexpr int most_signal = 64;

tl::unexpected<error> wrong(std::string_view verb, std::string_view what) {
  return failure(errc::malformed_request, fmt::format("a frame \"{}\" {}", verb, what));
}

template <class Number> std::optional<Number> to_number(std::string_view text) {
  Number number{};
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (ec != std::errc{} || end != text.data() + text.size() || text.starts_with('-')) return std::nullopt;
  return number;
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

// `exited|signaled|lost N oom=K` and perhaps `gone=`.
std::optional<ending> to_ending(words_view words) {
  if (words.size() != 3 && words.size() != 4) return std::nullopt;
  ending read;
  const auto number = to_number<int>(words[1]);
  if (!number) return std::nullopt;
  read.number = *number;
  if (words[0] == report_exited && *number <= 255)
    read.how = ending::way::exited;
  else if (words[0] == report_signaled && *number >= 1 && *number <= most_signal)
    read.how = ending::way::signaled;
  else if (words[0] == "lost")
    read.how = ending::way::lost;
  else
    return std::nullopt;
  if (!words[2].starts_with(report_oom)) return std::nullopt;
  if (const auto kills = words[2].substr(std::string_view(report_oom).size()); kills != report_unknown) {
    read.oom_kills = to_number<std::uint64_t>(kills);
    if (!read.oom_kills) return std::nullopt;
  }
  if (words.size() == 4) {
    if (words[3] == "gone=confirmed")
      read.gone = true;
    else if (words[3] == "gone=unconfirmed")
      read.gone = false;
    else
      return std::nullopt;
  }
  return read;
}

// Letters of "ioeth", each at most once and in this order.
bool are_descriptors(std::string_view letters) {
  std::size_t place = 0;
  for (const char c : letters) {
    place = std::string_view("ioeth").find(c, place);
    if (place == std::string_view::npos) return false;
    ++place;
  }
  return true;
}

result<message> read_known(std::string_view verb, std::string_view id, words_view rest) {
  known_command read{.id = std::string(id), .pid = {}, .ended = {}, .descriptors = {}};
  constexpr std::string_view letters = "fds=";
  if (!rest.empty() && rest.back().starts_with(letters)) {
    read.descriptors = rest.back().substr(letters.size());
    rest = rest.first(rest.size() - 1);
    if (!are_descriptors(read.descriptors)) return wrong(verb, "comes with descriptors that there are not");
  }
  if (rest.size() == 2 && rest[0] == "running") {
    read.pid = to_number<int>(rest[1]);
    if (!read.pid) return wrong(verb, "has no pid");
    return read;
  }
  read.ended = to_ending(rest);
  if (!read.ended) return wrong(verb, "tells neither that it runs nor how it ended");
  return read;
}

result<message> read_failed(std::string_view verb, std::string_view id, words_view rest) {
  if (rest.size() < 2) return wrong(verb, "has too few words");
  const auto* const code =
      std::ranges::find(start_failures, rest[0], [](const char* name) { return std::string_view(name); });
  const auto number = to_number<int>(rest[1]);
  if (code == std::end(start_failures) || !number) return wrong(verb, "has a reason that there is not");
  failed read{.id = std::string(id), .code = *code, .error_number = *number, .words = {}};
  for (const auto word : rest.subspan(2)) {
    if (!read.words.empty()) read.words += ' ';
    read.words += word;
  }
  read.words.resize(std::min(read.words.size(), most_prose));
  std::ranges::replace_if(read.words, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return read;
}

bool is_shown(char c) noexcept { return c >= 0x20 && c < 0x7f; }

// 8 or 32 hexadecimal digits.
std::optional<asio::ip::address> to_address(std::string_view digits) {
  asio::ip::address_v6::bytes_type bytes{};
  if (digits.size() != 8 && digits.size() != 32) return std::nullopt;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const auto* const from = digits.data() + i;
    const auto [end, ec] = std::from_chars(from, from + 2, bytes[i / 2], 16);
    if (ec != std::errc{} || end != from + 2) return std::nullopt;
  }
  if (digits.size() == 32) return asio::ip::make_address_v6(bytes);
  return asio::ip::make_address_v4(asio::ip::address_v4::bytes_type{bytes[0], bytes[1], bytes[2], bytes[3]});
}

} // namespace

result<std::optional<listening>> read_listening(std::string_view frame) {
  constexpr std::string_view verb = "listens";
  const auto split = words_of(frame, most_words);
  if (!split) return tl::unexpected(split.error());
  const words_view words(*split);
  if (words.size() != 8 || words[0] != verb) return wrong(verb, "is none");
  const auto port = to_number<std::uint16_t>(words[3]);
  const auto uid = to_number<std::uint32_t>(words[4]);
  const auto inode = to_number<std::uint64_t>(words[5]);
  const auto pid = to_number<int>(words[6]);
  if (!port || !uid || !inode || !pid || *pid < 0) return wrong(verb, "has a number that is none");
  listening read{.inode = *inode};
  if (*pid != 0) {
    read.owner = listening::process{.pid = *pid, .name = std::string(words[7].substr(0, 16))};
    std::ranges::replace_if(read.owner->name, [](char c) { return !is_shown(c); }, '?');
  }
  if (words[1] == "unix") {
    read.what = listening::kind::unix_stream;
    read.path = words[2];
    if (!read.path.starts_with('/') || read.path.size() > 107) return wrong(verb, "has a path that is none");
    if (!std::ranges::all_of(read.path, is_shown)) return std::nullopt;
    return read;
  }
  const auto address = to_address(words[2]);
  if (!address || *port == 0 || (words[1] != "tcp" && words[1] != "udp"))
    return wrong(verb, "has no address, no port or no protocol");
  read.what = words[1] == "tcp" ? listening::kind::tcp : listening::kind::udp;
  read.address = address->to_string();
  read.port = *port;
  read.uid = *uid;
  return read;
}

bool is_id(std::string_view text) noexcept {
  return is_token(text) && text.size() <= id_limit && text.front() != '-';
}

result<message> read_message(std::string_view frame) {
  const auto split = words_of(frame, most_words);
  if (!split) return tl::unexpected(split.error());
  const words_view words(*split);
  const auto verb = words[0];
  if (verb == "hello") {
    if (words.size() != 3) return wrong(verb, "has not two words");
    const auto version = to_number<unsigned>(words[1]);
    if (!version || *version == 0) return wrong(verb, "has no version");
    if (!is_token(words[2]) || words[2].size() > token_limit) return wrong(verb, "has no life");
    return hello{.version = *version, .life = std::string(words[2])};
  }
  if (verb == "ready") return words.size() == 1 ? result<message>(ready{}) : wrong(verb, "has words");
  constexpr std::string_view known[] = {"command", "started",      "failed", "ended",
                                        "gone",    "input-closed", "hung-up"};
  if (std::ranges::find(known, verb) == std::end(known)) return unknown{};
  if (words.size() < 2 || !is_id(words[1])) return wrong(verb, "names no command");
  const std::string id(words[1]);
  const auto rest = words.subspan(2);
  if (verb == "command") return read_known(verb, id, rest);
  if (verb == "failed") return read_failed(verb, id, rest);
  if (verb == "started") {
    const auto pid = rest.size() == 1 ? to_number<int>(rest[0]) : std::nullopt;
    if (!pid) return wrong(verb, "has no pid");
    return started{.id = id, .pid = *pid};
  }
  if (verb == "ended") {
    const auto how = to_ending(rest);
    if (!how) return wrong(verb, "does not tell how");
    return ended{.id = id, .how = *how};
  }
  if (verb == "gone") {
    if (rest.size() != 1 || (rest[0] != "confirmed" && rest[0] != "unconfirmed"))
      return wrong(verb, "does not tell how certain that is");
    return gone{.id = id, .confirmed = rest[0] == "confirmed"};
  }
  if (!rest.empty()) return wrong(verb, "has too many words");
  if (verb == "input-closed") return input_closed{.id = id};
  return hung_up{.id = id};
}

} // namespace clawdspace::door
