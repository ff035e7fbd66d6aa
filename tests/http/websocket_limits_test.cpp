#include "client_frames.hpp"
#include "served.hpp"
#include "websocket_client.hpp"
#include <clawdspace/core/nursery.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

using namespace clawdspace;
using namespace std::chrono_literals;
using http::close_code;
using test::client_frame;
using test::closing;
using test::control;
using test::served;
using test::websocket_client;
using kind = http::websocket_message::kind;

namespace {

/// Reads to the end and notes its code.
task<> note_end(http::exchange& x, served& notes) {
  auto& ws = *co_await x.accept_websocket({});
  for (;;) {
    const auto message = co_await ws.read();
    if (message.what == kind::closed) {
      notes.failure = std::to_string(static_cast<int>(message.code));
      co_return;
    }
    ++notes.chunks;
  }
}

/// Writes without end while it reads; `written` counts messages, `read` what came in.
struct flood {
  std::atomic<std::size_t> written = 0;
  std::atomic<std::size_t> read = 0;
  std::string ended;

  task<> write(http::websocket& ws) {
    const std::string piece(32 << 10, 'x');
    try {
      for (;; ++written) co_await ws.write_binary(std::as_bytes(std::span(piece)));
    } catch (const error& e) {
      if (e.code() != errc::client_left) throw;
    }
  }
  task<> listen(http::websocket& ws) {
    for (;;) {
      const auto message = co_await ws.read();
      if (message.what == kind::closed) {
        ended = std::to_string(static_cast<int>(message.code));
        co_return;
      }
      if (message.text() == "drop me") ws.close(close_code::try_again_later);
      ++read;
    }
  }
  task<> handle(http::exchange& x, served&) {
    auto& ws = *co_await x.accept_websocket({});
    const auto both = [&](nursery& children) -> task<> {
      children.start(write(ws));
      children.start(listen(ws));
      co_return;
    };
    co_await with_nursery(both);
  }
  /// Until the socket takes no more.
  void wait_for_standstill() const {
    std::size_t before = 0;
    test::eventually([&] {
      std::this_thread::sleep_for(100ms);
      const auto now = written.load();
      return now > 0 && now == std::exchange(before, now);
    });
  }
};

served with_flood(http::server_limits limits, flood& f, const std::function<void(const control&)>& client) {
  return test::with_handler(
      limits, [&](http::exchange& x, served& notes) { return f.handle(x, notes); }, client);
}

} // namespace

TEST_CASE("a client that reads nothing holds its writer, and is heard all the same") {
  flood f;
  with_flood({}, f, [&](const control& server) {
    websocket_client client(server.port, {}, 64 << 10);
    f.wait_for_standstill();
    const auto held = f.written.load();
    // Texts come in, and thousands of pings neither block them nor pile up: the last one's pong is kept.
    for (int i = 0; i < 5000; ++i) client.send_frame(0x89, std::to_string(i));
    for (int i = 0; i < 100; ++i) client.send_text("heard");
    test::eventually([&] { return f.read == 100; });
    CHECK(f.written == held);
    std::size_t pongs = 0;
    for (std::size_t i = 0; i < held + 10;) {
      const auto frame = client.receive_frame();
      if (frame.head == 0x82) {
        ++i;
      } else {
        CHECK(frame.head == 0x8a);
        CHECK(frame.payload == "4999");
        ++pongs;
      }
    }
    CHECK(pongs == 1);
    client.send_frame(0x88, closing(1000));
    CHECK(client.receive_close().code() == 1000);
  });
  CHECK(f.ended == "1000");
}

TEST_CASE("a client that falls behind can be dropped, and reads why between two frames") {
  flood f;
  with_flood({}, f, [&](const control& server) {
    websocket_client client(server.port, {}, 64 << 10);
    f.wait_for_standstill();
    client.send_text("drop me");
    test::eventually([&] { return f.read == 1; });
    CHECK(client.receive_close().code() == 1013);
    client.send_frame(0x88, closing(1013));
    CHECK(client.receive_all().empty());
  });
  CHECK(f.ended == "1013");
}

TEST_CASE("a client that takes nothing of the goodbye is let go of in time") {
  flood f;
  with_flood({.websocket_close = 200ms}, f, [&](const control& server) {
    websocket_client client(server.port, {}, 64 << 10);
    f.wait_for_standstill();
    client.send_text("drop me");
    test::eventually([&] { return server.connections() == 0; });
  });
  CHECK(f.ended == "1013");
}

TEST_CASE("a client that does not answer the goodbye is let go of in time") {
  const auto handle = [](http::exchange& x, served&) -> task<> {
    auto& ws = *co_await x.accept_websocket({});
    ws.close(close_code::normal);
  };
  const auto begun = std::chrono::steady_clock::now();
  const auto notes = test::with_handler({.websocket_close = 200ms}, handle, [&](const control& server) {
    websocket_client client(server.port);
    CHECK(client.receive_close().code() == 1000);
    client.send_text("I know better");
    CHECK(client.sees_close());
  });
  CHECK(std::chrono::steady_clock::now() - begun < 5s);
  CHECK(notes.requests.at(0).status == 101);
}

TEST_CASE("a client that has half closed takes nothing any more: its writer ends") {
  flood f;
  with_flood({}, f, [&](const control& server) {
    websocket_client client(server.port, {}, 64 << 10);
    f.wait_for_standstill();
    client.half_close();
    test::eventually([&] { return server.connections() == 0; });
  });
  CHECK(f.ended == "1006");
}

TEST_CASE("pings go out in silence, and who answers none of them is let go of") {
  const auto notes = test::with_handler({.websocket_ping = 50ms, .websocket_silence = 500ms}, note_end,
                                        [](const control& server) {
                                          websocket_client client(server.port);
                                          for (int i = 0; i < 3; ++i) {
                                            const auto ping = client.receive_frame();
                                            CHECK(ping.head == 0x89);
                                          }
                                          CHECK(client.sees_close());
                                          test::eventually([&] { return server.connections() == 0; });
                                        });
  CHECK(notes.failure == "1006");
}

TEST_CASE("who answers pings stays, however little else it says") {
  const auto notes = test::with_handler({.websocket_ping = 50ms, .websocket_silence = 400ms}, note_end,
                                        [](const control& server) {
                                          websocket_client client(server.port);
                                          const auto until = std::chrono::steady_clock::now() + 1s;
                                          while (std::chrono::steady_clock::now() < until) {
                                            const auto ping = client.receive_frame();
                                            REQUIRE(ping.head == 0x89);
                                            client.send_frame(0x8a, ping.payload);
                                          }
                                          client.send_frame(0x88, closing(1000));
                                          CHECK(client.receive_close().code() == 1000);
                                        });
  CHECK(notes.failure == "1000");
}

TEST_CASE("a client whose bytes nobody reads for a while is not silent") {
  const auto handle = [](http::exchange& x, served& notes) -> task<> {
    auto& ws = *co_await x.accept_websocket({});
    co_await ws.read();
    asio::steady_timer busy(co_await asio::this_coro::executor, 800ms);
    co_await busy.async_wait(asio::use_awaitable);
    const auto next = co_await ws.read();
    notes.failure = next.text();
  };
  const auto notes = test::with_handler({.websocket_ping = 50ms, .websocket_silence = 400ms}, handle,
                                        [](const control& server) {
                                          websocket_client client(server.port);
                                          client.send_text("first").send_text("second");
                                          CHECK(client.receive_close().code() == 1000);
                                        });
  CHECK(notes.failure == "second");
}

TEST_CASE("a server that stops says goodbye to its WebSockets with 1001") {
  const auto begun = std::chrono::steady_clock::now();
  const auto notes = test::with_handler({}, note_end, [](const control& server) {
    websocket_client polite(server.port);
    websocket_client rude(server.port);
    polite.send_text("hello");
    test::eventually([&] { return server.connections() == 2; });
    server.stop();
    CHECK(polite.receive_close().code() == 1001);
    polite.send_frame(0x88, closing(1001));
    CHECK(polite.receive_all().empty());
    CHECK(rude.receive_close().code() == 1001);
    rude.half_close();
    CHECK(rude.receive_all().empty());
  });
  CHECK(notes.failure == "1001");
  CHECK(notes.requests.size() == 2);
  CHECK(std::chrono::steady_clock::now() - begun < 8s);
}

TEST_CASE("a server that stops waits for neither a writer that is stuck nor a handler that is") {
  flood f;
  const auto notes = with_flood({.drain = 300ms}, f, [&](const control& server) {
    websocket_client client(server.port, {}, 64 << 10);
    f.wait_for_standstill();
    server.stop();
    test::eventually([&] { return client.sees_close(); });
  });
  CHECK(f.ended == "1001");
  CHECK(notes.requests.at(0).status == 101);
}

TEST_CASE("a handler that is cancelled at the end of the drain has still said goodbye") {
  const auto handle = [](http::exchange& x, served& notes) -> task<> {
    auto& ws = *co_await x.accept_websocket({});
    co_await ws.write_text("open");
    asio::steady_timer never(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
    try {
      co_await never.async_wait(asio::use_awaitable);
    } catch (const std::system_error&) {
      ++notes.cancelled;
      throw;
    }
  };
  const auto notes = test::with_handler({.drain = 100ms}, handle, [](const control& server) {
    websocket_client client(server.port);
    CHECK(client.receive_frame().payload == "open");
    server.stop();
    CHECK(client.receive_close().code() == 1001);
    CHECK(client.sees_close());
  });
  CHECK(notes.cancelled == 1);
}
