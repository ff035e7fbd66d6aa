#include "served.hpp"

#include <clawdspace/core/event.hpp>

#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include <csignal>
#include <future>
#include <stdexcept>
#include <thread>

namespace clawdspace::test {

namespace {

using namespace std::chrono_literals;

int status_of(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const error& e) {
    switch (e.code()) {
    case errc::malformed_request:
      return 400;
    case errc::body_too_large:
      return 413;
    case errc::conflict:
      return 409;
    case errc::route_not_found:
      return 404;
    case errc::method_not_allowed:
      return 405;
    case errc::bad_answer:
    case errc::connection_lost:
    case errc::nothing_listens:
      return 502;
    case errc::port_timed_out:
      return 504;
    case errc::shutting_down:
      return 503;
    case errc::upgrade_required:
      return 426;
    case errc::origin_refused:
      return 403;
    default:
      return 500;
    }
  } catch (const std::system_error& e) {
    return is_timeout(e) ? 408 : 500;
  } catch (...) {
    return 500;
  }
}

task<> wait_for_ever(served& notes) {
  event never(co_await asio::this_coro::executor);
  try {
    co_await never.wait();
  } catch (const std::system_error&) {
    ++notes.cancelled;
    throw;
  }
}

task<> stream(http::exchange& x) {
  const auto& q = x.parameters();
  const auto pieces = std::stoi(std::string(q.find("pieces").value_or("3")));
  const auto size = std::stoul(std::string(q.find("size").value_or("5")));
  const bool trailers = q.find("trailers") != "no";
  std::vector<std::string> names;
  if (trailers) names = {"X-Outcome", "X-Exit-Code"};
  co_await x.start(200, {{"Content-Type", "text/plain"}}, std::move(names));
  for (int i = 0; i < pieces; ++i) co_await x.write(std::string(size, static_cast<char>('a' + i % 26)));
  if (trailers)
    co_await x.finish({{"X-Outcome", "exited"}, {"X-Exit-Code", "0"}});
  else
    co_await x.finish();
}

task<> flood(http::exchange& x, served& notes) {
  const std::string piece(256 << 10, 'x');
  try {
    co_await x.start(200, {});
    for (;;) {
      co_await x.write(piece);
      ++notes.chunks;
    }
  } catch (const error& e) {
    if (e.code() == errc::client_left) ++notes.departures;
    throw;
  }
}

task<> await_departure(http::exchange& x, served& notes) {
  co_await x.wait_departure();
  ++notes.departures;
  throw error(errc::client_left, "the client left");
}

task<> echo_stream(http::exchange& x) {
  co_await x.start(200, {});
  std::vector<std::byte> piece(1000);
  while (const auto n = co_await x.read_some(piece)) co_await x.write(std::span(piece).first(n));
  co_await x.finish();
}

task<> note_failure(http::exchange& x, served& notes) {
  try {
    co_await x.read_all(1_MiB);
  } catch (const error& e) {
    notes.failure = std::to_string(static_cast<int>(e.code())) + " " + e.what();
    throw;
  }
  co_await x.respond({.status = 200, .headers = {}, .body = "whole"});
}

task<> handle(http::exchange& x, served& notes) {
  const std::string path = x.head().path;
  if (path == "/hello") {
    co_await x.respond({.status = 200, .headers = {{"Content-Type", "text/plain"}}, .body = "hello\n"});
  } else if (path == "/echo") {
    auto body = co_await x.read_all(1_MiB);
    co_await x.respond({.status = 200, .headers = {}, .body = std::move(body)});
  } else if (path == "/unread") {
    co_await x.respond({.status = 200, .headers = {}, .body = "unread"});
  } else if (path == "/small") {
    co_await x.read_all(10_KiB);
    co_await x.respond({.status = 200, .headers = {}, .body = "fits"});
  } else if (path == "/empty") {
    co_await x.respond({.status = 204, .headers = {}, .body = ""});
  } else if (path == "/stream") {
    co_await stream(x);
  } else if (path == "/flood") {
    co_await flood(x, notes);
  } else if (path == "/echo-stream") {
    co_await echo_stream(x);
  } else if (path == "/slow-body") {
    x.allow_slow_body();
    auto body = co_await x.read_all(1_MiB);
    co_await x.respond({.status = 200, .headers = {}, .body = std::move(body)});
  } else if (path == "/note") {
    co_await note_failure(x, notes);
  } else if (path == "/conflict") {
    throw error(errc::conflict, "no");
  } else if (path == "/silent") {
    co_return;
  } else if (path == "/bad-header") {
    co_await x.respond({.status = 200, .headers = {{"X", "a\r\nInjected: b"}}, .body = ""});
  } else if (path == "/fail-midway") {
    co_await x.start(200, {});
    co_await x.write("half");
    throw error(errc::internal, "midway");
  } else if (path == "/wait") {
    co_await wait_for_ever(notes);
  } else if (path == "/stream-then-wait") {
    co_await x.start(200, {});
    co_await x.write("begun\n");
    co_await wait_for_ever(notes);
  } else if (path == "/departure") {
    co_await await_departure(x, notes);
  } else if (path == "/pause") {
    asio::steady_timer timer(co_await asio::this_coro::executor, 200ms);
    co_await x.start(200, {});
    co_await x.write("begun\n");
    co_await timer.async_wait(asio::use_awaitable);
    co_await x.finish();
  } else {
    throw error(errc::route_not_found, path);
  }
}

} // namespace

served with_server(http::server_limits limits, const std::function<void(const control&)>& client,
                   std::chrono::seconds deadline) {
  return with_handler(limits, handle, client, deadline);
}

served with_handler(http::server_limits limits, const handler& answer,
                    const std::function<void(const control&)>& client, std::chrono::seconds deadline) {
  ::signal(SIGPIPE, SIG_IGN); // as the daemon does; splice(2) knows no MSG_NOSIGNAL
  asio::io_context loop{1};
  served notes;
  http::server under_test(loop.get_executor(), limits,
                          {.handle = [&](http::exchange& x) { return answer(x, notes); },
                           .problem =
                               [](const std::exception_ptr& failure, const http::request_head*) {
                                 std::string what = "failure";
                                 try {
                                   std::rethrow_exception(failure);
                                 } catch (const std::exception& e) {
                                   what = e.what();
                                 }
                                 return http::response{.status = status_of(failure),
                                                       .headers = {{"Content-Type", "application/json"}},
                                                       .body = "{\"error\":\"" + what + "\"}"};
                               },
                           .done =
                               [&notes](const http::exchange& x, int status, std::chrono::microseconds) {
                                 notes.requests.push_back(
                                     {x.head().path, status, std::string(x.id()), x.bytes_sent()});
                               }});
  const auto where = under_test.listen({asio::ip::address_v4::loopback(), 0});

  std::exception_ptr failure;
  bool ended = false;
  bool client_ended = false;
  // What watches for departures waits on, with nothing to watch.
  const auto stop_loop = [&] {
    if (ended && client_ended) loop.stop();
  };
  asio::co_spawn(loop, under_test.run(), [&](const std::exception_ptr& e) {
    failure = e;
    ended = true;
    stop_loop();
  });
  const control handle_of{
      .port = where.port(),
      .stop = [&] { asio::post(loop, [&] { under_test.stop(); }); },
      .connections =
          [&] {
            std::promise<std::size_t> count;
            asio::post(loop, [&] { count.set_value(under_test.connection_count()); });
            auto answer = count.get_future();
            if (answer.wait_for(10s) != std::future_status::ready)
              throw std::runtime_error("the loop stands");
            return answer.get();
          },
  };
  std::exception_ptr client_failure;
  std::thread client_thread([&] {
    try {
      client(handle_of);
    } catch (...) {
      client_failure = std::current_exception();
    }
    asio::post(loop, [&] {
      under_test.stop();
      if (limits.drain > 0ms) under_test.stop(); // what the test has left open is not waited for
      client_ended = true;
      stop_loop();
    });
  });
  loop.run_for(deadline);
  if (!ended) {
    // Neither thread may outlive what it uses: end the process with a message rather than hang.
    std::fprintf(stderr, "the server did not end within its deadline\n");
    std::abort();
  }
  client_thread.join();
  notes.kept.reset();
  if (client_failure) std::rethrow_exception(client_failure);
  if (failure) std::rethrow_exception(failure);
  return notes;
}

void eventually(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + 10s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) throw std::runtime_error("it did not happen within 10 s");
    std::this_thread::sleep_for(2ms);
  }
}

} // namespace clawdspace::test
