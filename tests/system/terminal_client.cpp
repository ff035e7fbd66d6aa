#include "terminal_client.hpp"

#include <chrono>
#include <stdexcept>

namespace clawdspace::test {

namespace {

constexpr auto patience = std::chrono::seconds(20);

constexpr unsigned text_frame = 0x81;
constexpr unsigned binary_frame = 0x82;
constexpr unsigned close_frame = 0x88;
constexpr unsigned pong_frame = 0x8a;

std::string authorization() { return fmt::format("Authorization: Bearer {}\r\n", key); }

std::string request(std::string_view method, std::string_view target, std::string_view headers) {
  return fmt::format("{} {} HTTP/1.1\r\nHost: test\r\n{}\r\n", method, target, headers);
}

} // namespace

terminal_client::terminal_client(const std::string& target, bool with_key, int receive_buffer)
    : wire_(daemon().port(), receive_buffer) {
  wire_.send(request("GET", target, handshake + (with_key ? authorization() : std::string())));
  const auto head = wire_.receive_to("\r\n\r\n");
  REQUIRE_MESSAGE(head.starts_with("HTTP/1.1 101 "), head);
  started_ = message("started");
}

terminal_client& terminal_client::frame(unsigned head, std::string_view payload) {
  std::string bytes(1, static_cast<char>(head));
  const auto put = [&](unsigned size, std::size_t number) {
    for (auto shift = size * 8; shift > 0; shift -= 8)
      bytes += static_cast<char>(number >> (shift - 8) & 0xff);
  };
  if (payload.size() < 126) {
    put(1, 0x80 | payload.size());
  } else if (payload.size() < 65'536) {
    put(1, 0x80 | 126);
    put(2, payload.size());
  } else {
    put(1, 0x80 | 127);
    put(8, payload.size());
  }
  constexpr std::string_view mask = "\x12\x34\x56\x78";
  bytes += mask;
  for (std::size_t i = 0; i < payload.size(); ++i) bytes += static_cast<char>(payload[i] ^ mask[i % 4]);
  wire_.send(bytes);
  return *this;
}

terminal_client& terminal_client::type(std::string_view bytes) { return frame(binary_frame, bytes); }
terminal_client& terminal_client::say(const json::value& message) {
  return frame(text_frame, json::serialize(message));
}

void terminal_client::close(unsigned code) {
  frame(close_frame, std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)});
}

void terminal_client::read_frame() {
  const auto start = wire_.receive(2);
  const auto head = static_cast<unsigned char>(start[0]);
  std::size_t size = static_cast<unsigned char>(start[1]);
  if (size > 127) throw std::runtime_error("a server's frame is masked");
  if (size > 125) {
    std::size_t length = 0;
    for (const char c : wire_.receive(size == 126 ? 2 : 8))
      length = length << 8 | static_cast<unsigned char>(c);
    size = length;
  }
  auto payload = wire_.receive(size);
  switch (head & 0x0f) {
  case 0x9:
    frame(pong_frame, payload);
    return;
  case 0xa:
    return;
  case 0x8:
    code_ = payload.size() < 2 ? 0
                               : static_cast<unsigned>(static_cast<unsigned char>(payload[0])) << 8 |
                                     static_cast<unsigned char>(payload[1]);
    if (payload.size() > 2) reason_ = payload.substr(2);
    return;
  default:
    break;
  }
  if ((head & 0x0f) != 0) opcode_ = head & 0x0f;
  if (opcode_ == 2) {
    output_ += payload;
    return;
  }
  fragments_ += payload;
  if ((head & 0x80) == 0) return;
  messages_.push_back(json::parse(std::exchange(fragments_, {})).as_object());
}

std::string terminal_client::wait_for(std::string_view words) {
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    if (const auto at = output_.find(words); at != std::string::npos) {
      auto got = output_.substr(0, at + words.size());
      output_.erase(0, at + words.size());
      return got;
    }
    if (code_ || std::chrono::steady_clock::now() > until)
      throw std::runtime_error(fmt::format("the terminal did not say \"{}\" but: {}", words, output_));
    try {
      read_frame();
    } catch (const std::runtime_error& e) {
      throw std::runtime_error(fmt::format("{}: not \"{}\" but: {}", e.what(), words, output_));
    }
  }
}

json::object terminal_client::message(std::string_view type) {
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    while (!messages_.empty()) {
      auto next = std::move(messages_.front());
      messages_.pop_front();
      if (text(next, "type") == type) return next;
    }
    if (code_ || std::chrono::steady_clock::now() > until)
      throw std::runtime_error(fmt::format("no message \"{}\", but the close code {} ({}) and: {}", type,
                                           code_.value_or(0), reason_, output_));
    read_frame();
  }
}

unsigned terminal_client::close_code() {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!code_) {
    if (std::chrono::steady_clock::now() > until) throw std::runtime_error("the server did not close");
    read_frame();
  }
  return *code_;
}

std::string terminal_path(std::string_view space, std::string_view query) {
  return fmt::format("/api/spaces/{}/terminal{}{}", space, query.empty() ? "" : "?", query);
}

std::string terminal_running(std::string_view space, std::string_view command, std::string_view query) {
  return terminal_path(space,
                       fmt::format("command={}{}{}", to_query(command), query.empty() ? "" : "&", query));
}

reply try_handshake(const std::string& target, std::string_view headers, std::string_view method) {
  raw_client wire(daemon().port());
  wire.send(request(method, target, headers));
  const auto answer = wire.receive_answer();
  json::error_code not_json;
  auto body = json::parse(answer.body, not_json);
  return {answer.status, not_json ? json::value() : body};
}

} // namespace clawdspace::test
