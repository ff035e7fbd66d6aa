#include "served_exchange.hpp"

#include "handshake.hpp"
#include "ready.hpp"
#include <clawdspace/core/event.hpp>
#include <clawdspace/core/log.hpp>

#include <asio/post.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sys/epoll.h>

namespace clawdspace::http {

namespace {

constexpr std::size_t dropped_at_once = std::size_t{64} << 10;

bool is_request_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

std::string join(const std::vector<std::string>& names) {
  std::string list;
  for (const auto& name : names) list.append(list.empty() ? "" : ", ").append(name);
  return list;
}

/// The line before a chunk's bytes.
class chunk_head {
 public:
  explicit chunk_head(std::size_t size) {
    auto* end = std::to_chars(line_.data(), line_.data() + 16, size, 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    length_ = static_cast<std::size_t>(end - line_.data());
  }
  [[nodiscard]] std::string_view text() const { return {line_.data(), length_}; }

 private:
  std::array<char, 20> line_{};
  std::size_t length_ = 0;
};

} // namespace

bool is_departure(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const error& e) {
    return e.code() == errc::client_left;
  } catch (...) {
    return false;
  }
}

served_exchange::served_exchange(const place& where)
    : place_(where), head_(where.from.head()), body_time_(where.shared.limits.body_time) {
  const auto given = head_.headers.find("x-request-id");
  id_ = given && is_request_id(*given) ? std::string(*given) : place_.shared.new_id();
  continued_ = !head_.expects_continue;
}

const query& served_exchange::parameters() {
  if (!query_) query_ = value_or_throw(query::parse(head_.query));
  return *query_;
}

std::string_view served_exchange::path_parameter(std::string_view name) const {
  for (const auto& [key, value] : path_parameters_)
    if (key == name) return value;
  return {};
}

// --- the request's body

task<std::size_t> served_exchange::read_some(std::span<std::byte> into) {
  co_await ask_for_body();
  co_return co_await place_.from.read_body(into, body_time_);
}

task<std::optional<std::size_t>> served_exchange::read_to_pipe(int pipe) {
  co_await ask_for_body();
  co_return co_await place_.from.read_body_to(pipe, body_time_);
}

task<> served_exchange::ask_for_body() {
  if (std::exchange(continued_, true) || started_ || place_.from.body_begun()) co_return;
  co_await send(gathered().add("HTTP/1.1 100 Continue\r\n\r\n"));
}

task<std::string> served_exchange::read_all(bytes limit) {
  const auto most = static_cast<std::uint64_t>(count(limit));
  const auto too_large = [&] {
    return error(errc::body_too_large, "the body is larger than " + to_words(limit));
  };
  if (head_.content_length.value_or(0) > most) throw too_large();
  std::string body;
  // Always one byte more than there may be, so that the end is seen; what a head claims is not yet worth
  // memory.
  constexpr std::uint64_t believed = 1 << 20;
  body.resize(std::min(most, std::min(head_.content_length.value_or(4095), believed)) + 1);
  std::size_t size = 0;
  for (;;) {
    if (size == body.size()) body.resize(std::min<std::uint64_t>(most + 1, 2 * size));
    const auto n = co_await read_some(std::as_writable_bytes(std::span(body).subspan(size)));
    if (n == 0) break;
    size += n;
    if (size > most) throw too_large();
  }
  body.resize(size);
  co_return body;
}

// --- the response

task<> served_exchange::send(gathered what) {
  if (sending_) throw error(errc::client_left, "the connection broke off before");
  sending_ = true;
  co_await place_.to.send(what);
  sending_ = false;
}

bool served_exchange::can_keep_connection(bool body_is_over) {
  if (!head_.keep_alive || place_.shared.stopping || refused_) return false;
  if (place_.from.body_over() || !body_is_over) return true;
  if (!continued_) return false; // whether the body will come is the client's secret
  place_.from.drop_now(unwanted_body);
  if (place_.from.body_broken()) return false;
  return place_.from.body_over() || place_.from.remaining().value_or(unwanted_body + 1) <= unwanted_body;
}

response_frame served_exchange::frame(framing body, std::string_view trailers) {
  return {.body = body,
          .keep_alive = keep_alive_,
          .version_minor = head_.version_minor,
          .date = place_.shared.date(),
          .id = id_,
          .trailers = trailers};
}

task<> served_exchange::respond(response whole) {
  check_start();
  keep_alive_ = can_keep_connection(true) && !whole.headers.has_token("connection", "close");
  framing_ = has_body(whole.status) ? framing::length : framing::none;
  auto with = frame(framing_);
  with.length = whole.body.size();
  const bool only_head = head_.method == "HEAD";
  if (const auto told = whole.headers.find("content-length"); told && only_head)
    std::from_chars(told->data(), told->data() + told->size(), with.length);
  place_.scratch.clear();
  write_head(place_.scratch, whole.status, whole.headers, with);
  started_ = true;
  gathered message;
  message.add(place_.scratch);
  const bool with_body = framing_ == framing::length && !only_head;
  if (with_body) message.add(whole.body);
  co_await send(message);
  status_ = whole.status;
  if (with_body) bytes_sent_ = whole.body.size();
  whole_ = true;
}

void served_exchange::check_start() const {
  if (started_) throw error(errc::internal, "a second response to one request");
}

task<> served_exchange::begin(int status, const fields& headers, response_frame with) {
  place_.scratch.clear();
  write_head(place_.scratch, status, headers, with);
  started_ = true;
  co_await send(gathered().add(place_.scratch));
  status_ = status;
}

task<> served_exchange::start(int status, fields headers, std::vector<std::string> trailer_names) {
  check_start();
  framing_ = !has_body(status)          ? framing::none
             : head_.version_minor >= 1 ? framing::chunked
                                        : framing::closing;
  // The handler may go on reading the body.
  keep_alive_ =
      can_keep_connection(false) && framing_ != framing::closing && !headers.has_token("connection", "close");
  const auto trailers = framing_ == framing::chunked ? join(trailer_names) : std::string();
  co_await begin(status, headers, frame(framing_, trailers));
}

task<> served_exchange::start_sized(int status, fields headers, std::uint64_t length) {
  check_start();
  framing_ = has_body(status) ? framing::length : framing::none;
  length_ = length;
  keep_alive_ = can_keep_connection(false) && !headers.has_token("connection", "close");
  auto with = frame(framing_);
  with.length = length;
  co_await begin(status, headers, with);
}

bool served_exchange::drops_body() const {
  if (!started_ || whole_) throw error(errc::internal, "a piece of a body outside of a response");
  return framing_ == framing::none || head_.method == "HEAD";
}

void served_exchange::check_room(std::size_t size) const {
  if (framing_ == framing::length && size > length_ - bytes_sent_)
    throw error(errc::internal, "more of a body than its length");
}

task<> served_exchange::write(std::span<const std::byte> chunk) {
  if (drops_body() || chunk.empty()) co_return;
  check_room(chunk.size());
  if (framing_ != framing::chunked)
    co_await send(gathered().add(chunk));
  else
    co_await send(gathered().add(chunk_head(chunk.size()).text()).add(chunk).add("\r\n"));
  bytes_sent_ += chunk.size();
}

task<> served_exchange::write_from_pipe(int pipe, std::size_t size) {
  if (drops_body()) {
    co_await drop_from(pipe, size);
    co_return;
  }
  if (size == 0) co_return;
  check_room(size);
  if (sending_) throw error(errc::client_left, "the connection broke off before");
  sending_ = true;
  auto& to = place_.to;
  if (framing_ != framing::chunked) {
    const bool more = framing_ == framing::length && size < length_ - bytes_sent_;
    co_await to.send_from_pipe(pipe, size, more);
  } else {
    const chunk_head head(size);
    co_await to.send(gathered().add(head.text()), true);
    co_await to.send_from_pipe(pipe, size, true);
    co_await to.send(gathered().add("\r\n"));
  }
  sending_ = false;
  bytes_sent_ += size;
}

task<> served_exchange::finish(fields trailers) {
  if (!started_ || whole_) throw error(errc::internal, "the end of a body outside of a response");
  if (framing_ == framing::length && head_.method != "HEAD" && bytes_sent_ < length_)
    throw error(errc::internal, fmt::format("{} of {} bytes were sent", bytes_sent_, length_));
  if (framing_ == framing::chunked && head_.method != "HEAD") {
    auto& last = place_.scratch;
    last = "0\r\n";
    for (const auto& line : trailers) write_field(last, line.name, line.value);
    last += "\r\n";
    co_await send(gathered().add(last));
  }
  whole_ = true;
}

task<> served_exchange::start_relayed(relayed_head head, std::span<const std::byte> first) {
  if (started_) throw error(errc::internal, "a second response to one request");
  framing_ = !has_body(head.status)     ? framing::none
             : head.length              ? framing::length
             : head_.version_minor >= 1 ? framing::chunked
                                        : framing::closing;
  length_ = head.length.value_or(0);
  // Where no 100 was sent, whether the body will come is the client's secret.
  keep_alive_ = can_keep_connection(false) && framing_ != framing::closing &&
                (continued_ || place_.from.body_over() || place_.from.body_begun());
  place_.scratch.clear();
  write_relayed_head(place_.scratch, head, frame(framing_));
  started_ = true;
  status_ = head.status;
  gathered message;
  message.add(place_.scratch);
  if (first.empty() || drops_body()) {
    co_await send(message);
    co_return;
  }
  const chunk_head size(first.size());
  if (framing_ == framing::chunked)
    message.add(size.text()).add(first).add("\r\n");
  else
    message.add(first);
  co_await send(message);
  bytes_sent_ += first.size();
}

task<> served_exchange::inform(int status, fields headers) {
  if (started_ || head_.version_minor == 0) co_return;
  std::string head;
  write_interim_head(head, status, headers);
  co_await send(gathered().add(head));
}

task<raw_stream*> served_exchange::switch_protocols(fields headers) {
  if (started_) throw error(errc::internal, "a second response to one request");
  if (place_.shared.stopping) throw error(errc::shutting_down, "the server is stopping");
  framing_ = framing::none;
  keep_alive_ = true;
  place_.scratch.clear();
  write_head(place_.scratch, 101, headers, frame(framing_));
  keep_alive_ = false; // it ends with the stream
  started_ = true;
  status_ = 101;
  co_await send(gathered().add(place_.scratch));
  stream_.emplace(place_.to, place_.from);
  place_.became = &*stream_;
  whole_ = true;
  if (place_.shared.stopping) stream_->go_away(); // meanwhile
  co_return &*stream_;
}

task<websocket*> served_exchange::accept_websocket(websocket_options options) {
  if (started_) throw error(errc::internal, "a second response to one request");
  const auto agreed = value_or_throw(agree_on_websocket(head_, options));
  if (place_.shared.stopping) throw error(errc::shutting_down, "the server is stopping");
  fields headers{{"Upgrade", "websocket"}, {"Sec-WebSocket-Accept", agreed.accept}};
  if (!agreed.protocol.empty()) headers.add("Sec-WebSocket-Protocol", agreed.protocol);
  keep_alive_ = true;
  framing_ = framing::none;
  place_.scratch.clear();
  write_head(place_.scratch, 101, headers, frame(framing_));
  started_ = true;
  keep_alive_ = false; // it ends with the WebSocket
  co_await send(gathered().add(place_.scratch));
  status_ = 101;
  websocket_.emplace(place_.to, place_.from, place_.shared.limits, options.text_limit, agreed.protocol);
  place_.became = &*websocket_;
  if (place_.shared.stopping) websocket_->go_away(); // meanwhile
  co_return &*websocket_;
}

task<> served_exchange::drop_from(int pipe, std::size_t size) {
  const auto scrap = std::make_unique_for_overwrite<std::byte[]>(std::min(size, dropped_at_once));
  while (size > 0) {
    const auto n = read_ready(pipe, {scrap.get(), std::min(size, dropped_at_once)});
    if (n == 0) throw error(errc::internal, "a pipe held less than was to be sent");
    size -= n;
    if (place_.to.turn_is_over(n))
      co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  }
}

task<> served_exchange::wait_departure() {
  event gone(co_await asio::this_coro::executor);
  const auto watch = on_departure([&gone] { gone.set(); });
  co_await gone.wait();
}

std::unique_ptr<poller::watch> served_exchange::on_departure(std::function<void()> left) {
  return place_.shared.departures.add(place_.to.fd(), EPOLLRDHUP, std::move(left));
}

// --- from the handler to the response

void served_exchange::check_expectation() const {
  if (head_.version_minor == 0) return;
  for (const auto& line : head_.headers)
    if (iequals(line.name, "expect") && !iequals(line.value, "100-continue"))
      throw error(errc::malformed_request, "the only expectation that is met is 100-continue");
}

task<> served_exchange::handle() {
  co_await place_.shared.hooks.handle(*this);
  if (!whole_ && !websocket_) throw error(errc::internal, "the handler ended without a whole response");
}

void served_exchange::respond_to_cancellation(const response& r) {
  keep_alive_ = false;
  auto with = frame(framing::length);
  with.length = r.body.size();
  place_.scratch.clear();
  write_head(place_.scratch, r.status, r.headers, with);
  if (head_.method != "HEAD") place_.scratch += r.body;
  started_ = true;
  place_.to.send_now(place_.scratch);
  status_ = r.status;
}

task<> served_exchange::end_websocket(const std::exception_ptr& failure) {
  if (failure && !is_departure(failure)) {
    log_warning("a WebSocket's handler failed",
                {clawdspace::field("requestId", id_), clawdspace::field("failure", describe(failure))});
    websocket_->close(close_code::internal_error, "something went wrong inside the server");
  }
  try {
    co_await websocket_->finish();
  } catch (...) {
    if (!is_cancellation(std::current_exception())) throw;
  }
}

task<> served_exchange::serve(std::exception_ptr refused, int refused_status) {
  std::exception_ptr failure = refused;
  refused_ = refused != nullptr;
  if (!failure) {
    try {
      check_expectation();
    } catch (const error&) {
      failure = std::current_exception();
      refused_status = 417;
    }
  }
  if (!failure) {
    try {
      co_await handle();
    } catch (...) {
      failure = std::current_exception();
    }
  }
  if (!failure && !websocket_) co_return;

  const bool cancelled =
      (co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none;
  if (websocket_) {
    if (cancelled)
      websocket_->go_away();
    else
      co_await end_websocket(failure);
    co_return;
  }
  if (cancelled) keep_alive_ = false;
  if (is_departure(failure)) co_return;
  if (started_) {
    if (!cancelled)
      log_warning(whole_ ? "a handler failed after its response" : "a response was cut short",
                  {clawdspace::field("requestId", id_), clawdspace::field("failure", describe(failure))});
    co_return;
  }
  if (cancelled) failure = std::make_exception_ptr(error(errc::shutting_down, "the server is stopping"));
  auto r = place_.shared.problem(failure, refused_ ? nullptr : &head_);
  if (refused_status != 0) r.status = refused_status;
  if (cancelled) {
    respond_to_cancellation(r);
    co_return;
  }
  try {
    co_await respond(std::move(r));
  } catch (const error& e) {
    if (e.code() != errc::client_left) throw;
  }
}

} // namespace clawdspace::http
