#include "exec_support.hpp"

#include <clawdspace/api/json.hpp>
#include <clawdspace/core/unique_fd.hpp>

#include <httplib.h>

#include <array>
#include <cstring>
#include <random>
#include <stdexcept>
#include <unistd.h>
#include <utility>

namespace clawdspace::test {

reply ask_at(unsigned short port, std::string_view method, const std::string& path, const json::value& body) {
  httplib::Client client("127.0.0.1", port);
  client.set_bearer_token_auth(key);
  client.set_read_timeout(60);
  client.set_write_timeout(60);
  client.set_tcp_nodelay(true);
  httplib::Request request;
  request.method = method;
  request.path = path;
  if (method != "GET") {
    request.body = body.is_string() ? std::string(body.get_string()) : json::serialize(body);
    request.set_header("Content-Type", body.is_string() ? "application/octet-stream" : "application/json");
  }
  const auto r = client.send(request);
  if (!r) throw std::runtime_error(fmt::format("{} {}: {}", method, path, httplib::to_string(r.error())));
  json::error_code not_json;
  auto parsed = json::parse(r->body, not_json);
  if (not_json) parsed = json::string(r->body);
  return {r->status, r->body.empty() ? json::value() : std::move(parsed)};
}

reply ask(std::string_view method, const std::string& path, const json::value& body) {
  return ask_at(daemon().port(), method, path, body);
}

std::string reply::code() const { return body.is_object() ? text(body.get_object(), "code") : ""; }
std::string reply::words() const { return body.is_object() ? text(body.get_object(), "error") : ""; }

void check_error(const reply& r, int status, std::string_view code, std::string_view names) {
  CAPTURE(json::serialize(r.body));
  CHECK(r.status == status);
  CHECK(r.code() == code);
  CHECK(r.words().find(names) != std::string::npos);
}

void check_refused(const reply& r) {
  check_error(r, 501, "not_supported");
  CHECK(r.words().find(' ') != std::string::npos);
}

json::object exec(const std::string& space, json::object body) {
  const auto r = ask("POST", fmt::format("/api/spaces/{}/exec", space), body);
  REQUIRE_MESSAGE(r.status == 200, json::serialize(r.body));
  return r.body.as_object();
}

json::object exec(const std::string& space, std::string_view command) {
  return exec(space, json::object{{"command", command}});
}

std::string text(const json::object& from, std::string_view name) {
  const auto* found = from.if_contains(name);
  if (found == nullptr) return fmt::format("(no {}: {})", name, json::serialize(from));
  return found->is_string() ? std::string(found->get_string()) : json::serialize(*found);
}

std::string output_of(const json::object& answer) {
  const auto* encoded = answer.if_contains("stdoutBase64");
  return encoded != nullptr ? from_base64(encoded->as_string()) : text(answer, "stdout");
}

exec_stream_client::exec_stream_client(const std::string& request_line, std::string_view body,
                                       std::string_view headers, int receive_buffer)
    : wire_(daemon().port(), receive_buffer) {
  wire_.send(fmt::format("{} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\n{}\r\n{}", request_line,
                         key, headers, body));
}

int exec_stream_client::head() {
  if (head_.empty()) head_ = wire_.receive_to("\r\n\r\n");
  return std::stoi(head_.substr(9, 3));
}

std::string exec_stream_client::header(std::string_view name) const {
  const auto mark = fmt::format("\r\n{}: ", name);
  const auto at = head_.find(mark);
  if (at == std::string::npos) return {};
  const auto from = at + mark.size();
  return head_.substr(from, head_.find("\r\n", from) - from);
}

std::string exec_stream_client::chunk() {
  if (over_) return {};
  if (head() != 200) throw std::runtime_error("refused: " + head_);
  const auto size = std::stoul(wire_.receive_to("\r\n"), nullptr, 16);
  if (size > 0) {
    auto piece = wire_.receive(size + 2);
    piece.resize(size);
    return piece;
  }
  over_ = true;
  for (auto line = wire_.receive_to("\r\n"); line != "\r\n"; line = wire_.receive_to("\r\n")) {
    const auto colon = line.find(": ");
    trailers_[line.substr(0, colon)] = line.substr(colon + 2, line.size() - colon - 4);
  }
  return {};
}

std::string exec_stream_client::rest() {
  std::string all = std::exchange(pending_, {});
  for (auto piece = chunk(); !piece.empty(); piece = chunk()) all += piece;
  return all;
}

json::object exec_stream_client::line() {
  for (;;) {
    const auto end = pending_.find('\n');
    if (end != std::string::npos) {
      auto value = json::parse(pending_.substr(0, end));
      pending_.erase(0, end + 1);
      return value.as_object();
    }
    const auto more = chunk();
    if (more.empty()) {
      CHECK(pending_.empty());
      return {};
    }
    pending_ += more;
  }
}

exec_stream_client stream_json(const std::string& space, std::string_view form, const json::object& body,
                               int receive_buffer) {
  const auto text = json::serialize(body);
  return {fmt::format("POST /api/spaces/{}/exec?stream={}", space, form), text,
          fmt::format("Content-Length: {}\r\n", text.size()), receive_buffer};
}

std::string sha256(std::string_view bytes) {
  std::string name = "/tmp/clawdspace-sha-XXXXXX";
  const unique_fd file(::mkstemp(name.data()));
  const auto command = fmt::format("sha256sum > {}", name);
  auto* const pipe = ::popen(command.c_str(), "w");
  if (pipe == nullptr) throw std::runtime_error("no sha256sum");
  std::fwrite(bytes.data(), 1, bytes.size(), pipe);
  ::pclose(pipe);
  const auto sum = read_file(name).substr(0, 64);
  ::unlink(name.c_str());
  return sum;
}

std::string noise(std::size_t size, unsigned seed) {
  std::mt19937_64 source(seed);
  std::string bytes;
  bytes.reserve(size + 8);
  while (bytes.size() < size) {
    const auto word = source();
    std::array<char, 8> part;
    std::memcpy(part.data(), &word, part.size());
    bytes.append(part.data(), part.size());
  }
  bytes.resize(size);
  return bytes;
}

std::string from_base64(std::string_view encoded) { return value_or_throw(api::from_base64(encoded)); }

std::string to_query(std::string_view plain) {
  std::string encoded;
  for (const char c : plain) encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return encoded;
}

int count_processes(const std::string& space, std::string_view argument) {
  // The reader's own argument is taken apart, so that it does not find itself.
  const auto pattern = fmt::format("[{}]{}", argument.substr(0, 1), argument.substr(1));
  const auto seen = exec(
      space, json::object{{"command", fmt::format("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | "
                                                  "grep -cx '{}'; true",
                                                  pattern)},
                          {"user", "root"}});
  REQUIRE_MESSAGE(text(seen, "outcome") == "exited", json::serialize(seen));
  return std::stoi(text(seen, "stdout"));
}

} // namespace clawdspace::test
