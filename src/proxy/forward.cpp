#include "tunnel.hpp"
#include <clawdspace/core/error.hpp>
#include <clawdspace/core/event.hpp>
#include <clawdspace/core/log.hpp>
#include <clawdspace/core/nursery.hpp>
#include <clawdspace/proxy/forward.hpp>
#include <clawdspace/proxy/headers.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace clawdspace::proxy {

namespace {

using namespace std::chrono_literals;
using http::parse_step;

/// How long a client that asked is kept waiting for a server's 100 (RFC 9110 section 10.1.1): many never send
/// one.
constexpr auto continue_patience = 1s;
/// What cannot be sent twice takes no connection that the server may be closing just now.
constexpr std::chrono::milliseconds kept_for_ever{24 * 3600 * 1000}; // until the pool closes it
constexpr auto surely_open = 500ms;
constexpr std::size_t piece_size = std::size_t{32} << 10;

/// Whether a request may be sent again where nobody knows what became of the first (RFC 9110 section 9.2.2).
bool may_repeat(const http::request_head& head) {
  if (head.has_body()) return false;
  constexpr std::array<std::string_view, 5> idempotent{"GET", "HEAD", "OPTIONS", "PUT", "DELETE"};
  return std::find(idempotent.begin(), idempotent.end(), head.method) != idempotent.end();
}

void put(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

/// One request on one connection.
class relay {
 public:
  relay(http::exchange& x, upstream& server, const errand& how, const asio::any_io_executor& executor)
      : client_(x), server_(server), how_(how), upgrade_(upgrade_of(x.head())), go_(executor) {}

  task<> run();
  /// Whether nothing of an answer had come when it failed.
  [[nodiscard]] bool unanswered() const { return !server_.answer_begun() && !client_.started(); }

 private:
  [[nodiscard]] std::string request() const;
  task<> with_body();
  task<> pump();
  task<> send_body();
  task<> answer();
  task<> first_step(parse_step& step);
  task<> take_interim();
  task<> pass_on(http::response_head head);
  task<> switch_protocols(http::response_head head);
  http::fields cleaned(const http::fields& lines) const;

  http::exchange& client_;
  upstream& server_;
  const errand& how_;
  std::string_view upgrade_;
  event go_; ///< the body may be asked for
  bool body_sent_ = false;
  std::unique_ptr<poller::watch> watch_;
  std::exception_ptr failure_; ///< of the client's side, which ended the wait for the server
};

std::string relay::request() const {
  const auto& head = client_.head();
  std::string out;
  out.reserve(1024);
  out.append(head.method).append(" ").append(how_.target).append(" HTTP/1.1\r\n");
  for (const auto& line : how_.headers) put(out, line.name, line.value);
  if (!how_.headers.contains("host")) put(out, "Host", "localhost"); // HTTP/1.0 need not say
  if (head.chunked)
    put(out, "Transfer-Encoding", "chunked");
  else if (head.content_length)
    put(out, "Content-Length", std::to_string(*head.content_length));
  const bool trailers = head.headers.has_token("te", "trailers");
  if (trailers) put(out, "TE", "trailers");
  if (!upgrade_.empty()) put(out, "Upgrade", upgrade_);
  if (trailers || !upgrade_.empty())
    put(out, "Connection", upgrade_.empty() ? "TE" : trailers ? "Upgrade, TE" : "Upgrade");
  out += "\r\n";
  return out;
}

http::fields relay::cleaned(const http::fields& lines) const {
  auto kept = end_to_end(lines);
  for (const auto& line : kept)
    if (line.value.find('\0') != line.value.npos)
      throw error(errc::bad_answer, "the server in the space gave a header with a NUL");
  if (how_.edit_answer) how_.edit_answer(kept);
  return kept;
}

task<> relay::run() {
  watch_ = client_.on_departure([this] {
    if (!failure_)
      failure_ = std::make_exception_ptr(error(errc::client_left, "the client left before the answer's end"));
    server_.cancel();
  });
  server_.expect(client_.head().method, !upgrade_.empty());
  try {
    co_await server_.send(request());
    if (client_.head().has_body())
      co_await with_body();
    else
      co_await answer();
  } catch (const error&) {
    if (failure_) std::rethrow_exception(failure_); // it is why the connection to the server was given up
    throw;
  }
}

task<> relay::with_body() {
  const auto body = [&](nursery& beside) -> task<> {
    beside.start(pump());
    co_await answer();
    if (!body_sent_) server_.cancel(); // no further request can follow on it
    beside.cancel();
  };
  co_await with_nursery(body);
}

task<> relay::pump() {
  std::exception_ptr failure;
  try {
    co_await send_body();
  } catch (const error& e) {
    // A server that takes no more may still have answered, and the answer says why.
    if (e.code() != errc::connection_lost) failure = std::current_exception();
  } catch (const std::system_error& e) {
    if (e.code() == asio::error::operation_aborted) throw;
    failure = std::current_exception();
  }
  if (!failure) co_return;
  if (!failure_) failure_ = failure;
  server_.cancel();
}

task<> relay::send_body() {
  const auto& head = client_.head();
  client_.allow_slow_body();
  if (head.expects_continue && !go_.is_set()) {
    try {
      co_await with_deadline<void>(continue_patience, go_.wait());
    } catch (const std::system_error& e) {
      if (!is_timeout(e)) throw;
    }
  }
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(piece_size);
  for (;;) {
    const auto n = co_await client_.read_some({buffer.get(), piece_size});
    if (n == 0) break;
    const std::span<const std::byte> data(buffer.get(), n);
    if (head.chunked)
      co_await server_.send(fmt::format("{:x}\r\n", n), data, "\r\n");
    else
      co_await server_.send({}, data);
  }
  body_sent_ = !head.chunked;
  if (body_sent_) co_return;
  std::string last = "0\r\n";
  for (const auto& line : safe_trailers(client_.trailers())) put(last, line.name, line.value);
  co_await server_.send(last += "\r\n");
  body_sent_ = true;
}

task<> relay::first_step(parse_step& step) { step = co_await server_.next(); }

task<> relay::take_interim() {
  auto& head = server_.head();
  if (head.status == 100) {
    co_await client_.ask_for_body();
    go_.set();
  } else {
    co_await client_.inform(head.status, cleaned(head.headers));
  }
}

task<> relay::answer() {
  for (;;) {
    parse_step step;
    if (how_.head_time) {
      try {
        co_await with_deadline<void>(*how_.head_time, first_step(step));
      } catch (const std::system_error& e) {
        if (!is_timeout(e)) throw;
        throw error(errc::port_timed_out, fmt::format("the server in the space gave no answer within {} ms",
                                                      how_.head_time->count()));
      }
    } else {
      step = co_await server_.next();
    }
    if (step.what == parse_step::kind::head) break;
    if (step.what == parse_step::kind::interim) co_await take_interim();
  }
  auto head = std::move(server_.head());
  if (head.status == 101)
    co_await switch_protocols(std::move(head));
  else
    co_await pass_on(std::move(head));
}

task<> relay::pass_on(http::response_head head) {
  auto lines = cleaned(head.headers);
  if (head.status == 426) // it is there that the client learns what to ask for
    if (const auto wanted = head.headers.find("upgrade")) lines.add("Upgrade", std::string(*wanted));
  auto step = server_.next_ready();
  const auto first = step && step->what == parse_step::kind::body ? step->data : std::span<const std::byte>{};
  co_await client_.start_relayed({.status = head.status,
                                  .reason = std::move(head.reason),
                                  .headers = std::move(lines),
                                  .length = head.content_length},
                                 first);
  while (!step || step->what != parse_step::kind::end) {
    step = co_await server_.next();
    if (step->what == parse_step::kind::body) co_await client_.write(step->data);
  }
  co_await client_.finish(safe_trailers(server_.trailers()));
}

task<> relay::switch_protocols(http::response_head head) {
  auto lines = cleaned(head.headers);
  lines.set("Upgrade", std::string(head.headers.find("upgrade").value_or(upgrade_)));
  auto* client = co_await client_.switch_protocols(std::move(lines));
  watch_.reset(); // a half-close is no departure any more
  if (how_.upgraded) how_.upgraded();
  co_await tunnel(*client, server_, how_, http::iequals(upgrade_, "websocket"));
}

} // namespace

task<> forward(http::exchange& x, pool& connections, destination to, errand how) {
  if (x.head().method == "TRACE" || x.head().method == "CONNECT")
    throw error(errc::method_not_allowed, fmt::format("{} is not passed on", x.head().method));
  const auto executor = co_await asio::this_coro::executor;
  const bool repeatable = may_repeat(x.head());
  auto server = connections.take(to.server, repeatable ? kept_for_ever : surely_open);
  if (server) {
    bool stale = false;
    relay one(x, *server, how, executor);
    try {
      co_await one.run();
    } catch (const error& e) {
      if (e.code() != errc::connection_lost || !repeatable || !one.unanswered()) throw;
      stale = true; // the server closed it while it rested
    }
    if (!stale) {
      connections.give(to.server, std::move(server));
      co_return;
    }
  }
  server = std::make_unique<upstream>(co_await to.connect());
  relay one(x, *server, how, executor);
  co_await one.run();
  connections.give(to.server, std::move(server));
}

} // namespace clawdspace::proxy
