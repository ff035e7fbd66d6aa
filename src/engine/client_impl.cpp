#include "client_impl.hpp"

#include <clawdspace/engine/json.hpp>

#include <optional>
#include <utility>

namespace clawdspace::engine {

namespace {

constexpr std::size_t largest_answer = 64U << 20;

bool is_good(int status) { return (status >= 200 && status < 300) || status == 304; }

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

} // namespace

std::string escaped(std::string_view value) {
  constexpr std::string_view plain = "-._~:/@"; // RFC 3986 section 3.3, and a slash, which image names have
  std::string made;
  for (const char c : value) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter || plain.find(c) != std::string_view::npos)
      made += c;
    else
      made += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return made;
}

task<client::impl::answer> client::impl::call(request r, milliseconds limit) {
  ++calls_;
  auto got = co_await in_time<answer>(limit, name_of(r), call_in_turn(r));
  if (is_good(got.head.status)) co_return got;
  const auto words = error_words(got.body);
  throw engine_error(got.head.status, words,
                     fmt::format("the Engine answered {} to {}: {}", got.head.status, name_of(r), words));
}

task<client::impl::answer> client::impl::call_in_turn(const request& r) {
  const auto turn = co_await turns_.enter();
  if (auto used = take_idle()) {
    try {
      co_return co_await exchange(std::move(used), r);
    } catch (const connection_lost& lost) {
      // It may have died while it was idle; then the Engine never saw the request.
      if (lost.answer_begun() || (lost.request_sent() && !r.repeatable)) throw;
    }
  }
  co_return co_await exchange(co_await connect(), r);
}

task<std::unique_ptr<connection>> client::impl::connect() {
  try {
    co_return co_await with_deadline(settings_.connect_time, connection::open(where_));
  } catch (const std::system_error& e) {
    if (!is_timeout(e)) throw;
    throw error(errc::engine_unavailable, fmt::format("no connection to the Docker Engine at {} within {} ms",
                                                      where_.to_string(), settings_.connect_time.count()));
  }
}

task<client::impl::answer> client::impl::exchange(std::unique_ptr<connection> link, const request& r) {
  const auto message = head_of(r, "") + r.body;
  co_await link->send(bytes_of(message));
  auto got = co_await read_answer(*link, r);
  if (link->reusable()) keep(std::move(link));
  co_return got;
}

task<client::impl::answer> client::impl::read_answer(connection& link, const request& r) {
  answer got;
  got.head = co_await link.read_head(r.method, false);
  got.body = co_await read_whole(link);
  co_return got;
}

task<std::string> client::impl::read_whole(connection& link) {
  std::string body;
  for (;;) {
    const auto piece = co_await link.read_body();
    if (piece.empty()) co_return body;
    if (body.size() + piece.size() > largest_answer)
      throw error(errc::engine_failed,
                  fmt::format("the Engine's answer is larger than {} MiB", largest_answer >> 20));
    body.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  }
}

task<client::impl::stream> client::impl::open(request r, bool hijack) {
  ++calls_;
  co_return co_await in_time<stream>(settings_.call_time, name_of(r), open_now(r, hijack));
}

task<client::impl::stream> client::impl::open_now(const request& r, bool hijack) {
  const auto turn = co_await turns_.enter();
  stream made;
  made.link = co_await connect();
  const auto message = head_of(r, hijack ? "Connection: Upgrade\r\nUpgrade: tcp\r\n" : "") + r.body;
  co_await made.link->send(bytes_of(message));
  made.head = co_await made.link->read_head(r.method, hijack);
  if (made.link->is_stream() || (!hijack && is_good(made.head.status))) co_return made;
  const auto words = error_words(co_await read_whole(*made.link));
  throw engine_error(made.head.status, words,
                     fmt::format("the Engine answered {} to {}: {}", made.head.status, name_of(r), words));
}

task<std::unique_ptr<connection>> client::impl::begin_upload(request r, std::string content_type) {
  ++calls_;
  co_return co_await in_time<std::unique_ptr<connection>>(settings_.call_time, name_of(r),
                                                          begin_upload_now(r, content_type));
}

task<std::unique_ptr<connection>> client::impl::begin_upload_now(const request& r,
                                                                 const std::string& content_type) {
  const auto turn = co_await turns_.enter();
  auto link = co_await connect();
  const auto message =
      head_of(r, fmt::format("Content-Type: {}\r\nTransfer-Encoding: chunked\r\n", content_type));
  co_await link->send(bytes_of(message));
  co_return link;
}

task<> client::impl::end_upload(connection& link, request r) {
  const auto got = co_await in_time<answer>(settings_.slow_call_time, name_of(r), read_answer(link, r));
  if (is_good(got.head.status)) co_return;
  const auto words = error_words(got.body);
  throw engine_error(got.head.status, words,
                     fmt::format("the Engine answered {} to {}: {}", got.head.status, name_of(r), words));
}

/// In one piece with the body: two writes cost a round of delayed acknowledgements over TCP.
std::string client::impl::head_of(const request& r, std::string_view extra) const {
  std::string head = fmt::format("{} ", r.method);
  if (r.versioned) head += fmt::format("/v{}", version_.to_string());
  head += r.path;
  if (!r.query.empty()) head += '?' + r.query;
  const bool with_brackets = where_.host.find(':') != std::string::npos;
  head += where_.is_local() ? " HTTP/1.1\r\nHost: docker\r\n"
                            : fmt::format(" HTTP/1.1\r\nHost: {}{}{}:{}\r\n", with_brackets ? "[" : "",
                                          where_.host, with_brackets ? "]" : "", where_.port);
  head += "User-Agent: clawdspace\r\n";
  if (!r.body.empty()) head += "Content-Type: application/json\r\n";
  head += extra;
  if (r.method != "GET" && extra.find("chunked") == std::string_view::npos)
    head += fmt::format("Content-Length: {}\r\n", r.body.size());
  head += "\r\n";
  return head;
}

std::unique_ptr<connection> client::impl::take_idle() {
  while (!idle_.empty()) {
    auto last = std::move(idle_.back());
    idle_.pop_back();
    if (last->still_open()) return last;
  }
  return nullptr;
}

void client::impl::keep(std::unique_ptr<connection> link) {
  if (settings_.idle_connections == 0) return;
  if (idle_.size() >= settings_.idle_connections) idle_.erase(idle_.begin());
  idle_.push_back(std::move(link));
}

} // namespace clawdspace::engine
