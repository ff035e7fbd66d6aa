#include "client_frames.hpp"
#include "served.hpp"
#include "websocket_client.hpp"
#include <clawdspace/core/nursery.hpp>

#include <doctest/doctest.h>

#include <thread>

using namespace clawdspace;
using namespace std::chrono_literals;
using http::close_code;
using test::client_frame;
using test::closing;
using test::control;
using test::raw_client;
using test::served;
using test::websocket_client;
using kind = http::websocket_message::kind;

namespace {

/// Sends everything back as it comes, and notes how it ended: `1000 bye`.
task<> echo(http::exchange& x, served& notes) {
  auto& ws = *co_await x.accept_websocket({.protocols = {"v2", "v1"}});
  for (;;) {
    const auto message = co_await ws.read();
    if (message.what == kind::text) {
      co_await ws.write_text(message.text());
    } else if (message.what == kind::binary) {
      notes.chunks = std::max(notes.chunks, message.data.size());
      co_await ws.write_binary(message.data);
    } else {
      notes.failure = std::to_string(static_cast<int>(message.code)) + " " + message.reason;
      co_return;
    }
  }
}

/// What the client's bytes end in: the close code that it gets, with the server's close behind it.
unsigned code_for(std::string_view bytes) {
  unsigned code = 0;
  test::with_handler({}, echo, [&](const control& server) {
    websocket_client client(server.port, bytes);
    code = client.receive_close().code();
    CHECK(client.receive_all().empty());
  });
  return code;
}

} // namespace

TEST_CASE("a WebSocket is opened, carries messages both ways, and is closed") {
  const auto notes = test::with_handler({}, echo, [](const control& server) {
    raw_client client(server.port);
    auto request = std::string(test::websocket_request);
    request.insert(request.size() - 2, "Sec-WebSocket-Protocol: v0, v1, v2\r\n");
    const auto head = client.send(request).receive_to("\r\n\r\n");
    CHECK(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
    for (const auto* line :
         {"\r\nUpgrade: websocket\r\n", "\r\nConnection: Upgrade\r\n",
          "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", "\r\nSec-WebSocket-Protocol: v1\r\n"})
      CHECK(head.find(line) != head.npos);
    CHECK(head.find("Content-Length") == head.npos);
    CHECK(head.find("Transfer-Encoding") == head.npos);
    client.send(client_frame(0x81, "hello"));
    CHECK(client.receive(7) == "\x81\5hello");
    client.send(client_frame(0x82, std::string(200, 'b')));
    CHECK(client.receive(204) == "\x82\x7e" + std::string(1, '\0') + "\xc8" + std::string(200, 'b'));
    client.send(client_frame(0x88, closing(1000, "bye")));
    CHECK(client.receive_all() == "\x88\2" + closing(1000));
  });
  CHECK(notes.failure == "1000 bye");
  REQUIRE(notes.requests.size() == 1);
  CHECK(notes.requests[0].status == 101);
  CHECK(notes.requests[0].bytes_sent == 205);
}

TEST_CASE("frames that come in the handshake's own segment, or behind other requests, are read") {
  test::with_handler(
      {},
      [](http::exchange& x, served& notes) -> task<> {
        if (x.head().path == "/")
          co_await echo(x, notes);
        else
          co_await x.respond({.status = 200, .headers = {}, .body = "plain"});
      },
      [](const control& server) {
        raw_client client(server.port);
        client.send("GET /plain HTTP/1.1\r\nHost: h\r\n\r\n" + std::string(test::websocket_request) +
                    client_frame(0x81, "early") + client_frame(0x81, "bird").substr(0, 3));
        CHECK(client.receive_answer().body == "plain");
        client.receive_to("\r\n\r\n");
        CHECK(client.receive(7) == "\x81\5early");
        client.send(client_frame(0x81, "bird").substr(3));
        CHECK(client.receive(6) == "\x81\4bird");
      });
}

TEST_CASE("a handshake that is wrong gets its status, and the connection goes on") {
  test::with_handler({}, echo, [](const control& server) {
    raw_client client(server.port);
    const auto asked = [&](std::string_view change, std::string_view to) {
      auto request = std::string(test::websocket_request);
      request.replace(request.find(change), change.size(), to);
      return client.send(request).receive_answer().status;
    };
    CHECK(asked("websocket", "h2c") == 426);
    CHECK(asked("Version: 13", "Version: 12") == 426);
    CHECK(asked("ZQ==", "ZQ=") == 400);
    CHECK(asked("Connection: Upgrade", "Origin: http://evil") == 400);
    CHECK(asked("Host: h", "Host: h\r\nOrigin: http://evil") == 403);
    CHECK(asked("GET", "PUT") == 400);
    CHECK(client.send(test::websocket_request).receive_to("\r\n\r\n").starts_with("HTTP/1.1 101"));
  });
}

TEST_CASE("a WebSocket is asked for in vain while the server stops") {
  const auto handle = [](http::exchange& x, served&) -> task<> {
    const auto body = co_await x.read_all(1_KiB); // keeps the request till the server stops
    if (x.head().method == "GET") co_await x.accept_websocket({});
    co_await x.respond({.status = 200, .headers = {}, .body = body});
  };
  test::with_handler({}, handle, [](const control& server) {
    raw_client client(server.port);
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n");
    auto rest = std::string(test::websocket_request);
    raw_client late(server.port);
    late.send(rest.substr(0, 20));
    test::eventually([&] { return server.connections() == 2; });
    std::this_thread::sleep_for(50ms); // for the loop to have read what was sent
    server.stop();
    CHECK(late.send(rest.substr(20)).receive_answer().status == 503);
    CHECK(client.send("x").receive_answer().status == 200);
  });
}

TEST_CASE("a binary message of any size goes through in pieces, and is never collected") {
  const std::size_t size = 32 << 20;
  const auto notes = test::with_handler({}, echo, [&](const control& server) {
    websocket_client client(server.port);
    std::thread sender([&] { client.send_frame(0x82, std::string(size, 'x')); });
    std::size_t received = 0;
    while (received < size) received += client.receive_message().payload.size();
    sender.join();
    CHECK(received == size);
    client.send_frame(0x88, closing(1000));
    CHECK(client.receive_close().code() == 1000);
  });
  CHECK(notes.chunks <= 16 << 10);
  CHECK(notes.requests.at(0).bytes_sent == size);
}

TEST_CASE("a large message goes out in fragments that are one message to the client") {
  std::string large(300'000, 'x');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>('a' + i % 26);
  const auto handle = [&](http::exchange& x, served&) -> task<> {
    auto& ws = *co_await x.accept_websocket({});
    co_await ws.write_text(large);
    co_await ws.write_binary({});
  };
  test::with_handler({}, handle, [&](const control& server) {
    websocket_client client(server.port);
    const auto text = client.receive_message();
    CHECK(text.head == 0x81);
    CHECK(text.payload == large);
    const auto nothing = client.receive_message();
    CHECK(nothing.head == 0x82);
    CHECK(nothing.payload.empty());
    CHECK(client.receive_close().code() == 1000);
  });
}

TEST_CASE("pings are answered at once, between fragments too") {
  test::with_handler({}, echo, [](const control& server) {
    websocket_client client(server.port);
    client.send_frame(0x89, "are you there");
    CHECK(client.receive(15) == "\x8a\x0d"
                                "are you there");
    client.send_frame(0x01, "in ").send_frame(0x89, "p");
    CHECK(client.receive(3) == "\x8a\1p");
    client.send_frame(0x80, "two");
    CHECK(client.receive(8) == "\x81\6in two");
    client.send_frame(0x8a, "unasked for");
    client.send_text("on");
    CHECK(client.receive(4) == "\x81\2on");
  });
}

TEST_CASE("what breaks the protocol is told by its code, and the connection closed") {
  CHECK(code_for(client_frame(0x81, "unmasked", false)) == 1002);
  CHECK(code_for(client_frame(0xc1, "reserved bit")) == 1002);
  CHECK(code_for(client_frame(0x83, "unknown")) == 1002);
  CHECK(code_for(client_frame(0x09, "ping in fragments")) == 1002);
  CHECK(code_for(client_frame(0x89, std::string(126, 'p'))) == 1002);
  CHECK(code_for(client_frame(0x80, "continues nothing")) == 1002);
  CHECK(code_for(client_frame(0x88, closing(1006))) == 1002);
  CHECK(code_for(client_frame(0x01, "\xe2\x82") + client_frame(0x80, "x")) == 1007);
  CHECK(code_for(client_frame(0x88, closing(1000, "\xff"))) == 1007);
  CHECK(code_for(client_frame(0x81, std::string((64 << 10) + 1, 't'))) == 1009);
}

TEST_CASE("a client that goes on sending behind its mistake still reads why it was closed") {
  const auto notes = test::with_handler({}, echo, [](const control& server) {
    websocket_client client(server.port, client_frame(0x81, std::string(1 << 20, 't')));
    client.send(std::string(1 << 20, 'x'));
    CHECK(client.receive_close().code() == 1009);
    CHECK(client.receive_all().empty());
  });
  CHECK(notes.failure == "1009 a text message is too long");
}

TEST_CASE("a client's close is answered with its code, and without one") {
  CHECK(code_for(client_frame(0x88, closing(1000))) == 1000);
  CHECK(code_for(client_frame(0x88, closing(1001, "leaving"))) == 1001);
  CHECK(code_for(client_frame(0x88, closing(4321))) == 4321);
  CHECK(code_for(client_frame(0x88, "")) == 0);
  CHECK(code_for(client_frame(0x01, "half a message") + client_frame(0x88, closing(1000))) == 1000);
}

TEST_CASE("a handler closes with a code, or by its end, or by what it throws") {
  const auto ends = [](std::string_view path, http::websocket& ws) {
    if (path == "/later") ws.close(close_code::try_again_later, "too many");
    if (path == "/throws") throw error(errc::internal, "by accident");
  };
  const auto handle = [&](http::exchange& x, served&) -> task<> {
    auto& ws = *co_await x.accept_websocket({});
    co_await ws.write_text("hello");
    ends(x.head().path, ws);
    if (x.head().path == "/later") {
      CHECK((co_await ws.read()).code == close_code::try_again_later);
      CHECK_THROWS_AS(co_await ws.write_text("too late"), error);
    }
  };
  const auto asked = [&](const std::string& path) {
    unsigned code = 0;
    const auto notes = test::with_handler({}, handle, [&](const control& server) {
      websocket_client client(server.port, {}, 0, path);
      CHECK(client.receive_frame().payload == "hello");
      client.send_text("meanwhile").send_frame(0x02, "half"); // what nobody reads is no hindrance
      code = client.receive_close().code();
      client.send_frame(0x80, "whole").send_frame(0x88, closing(code));
      CHECK(client.receive_all().empty());
    });
    CHECK(notes.requests.at(0).status == 101);
    return code;
  };
  CHECK(asked("/") == 1000);
  CHECK(asked("/later") == 1013);
  CHECK(asked("/throws") == 1011);
}

TEST_CASE("a client that vanishes ends reads with 1006") {
  for (const int how : {0, 1, 2}) {
    CAPTURE(how);
    const auto notes = test::with_handler({}, echo, [&](const control& server) {
      websocket_client client(server.port);
      client.send_text("hello").receive_frame();
      client.send(client_frame(0x81, "cut short").substr(0, how == 2 ? 8 : 0));
      if (how == 0)
        client.reset();
      else
        client.half_close();
      test::eventually([&] { return server.connections() == 0; });
    });
    CHECK(notes.failure == "1006 ");
    CHECK(notes.requests.at(0).status == 101);
  }
}

TEST_CASE("one coroutine reads while another writes") {
  constexpr int count = 2000;
  const auto handle = [](http::exchange& x, served& notes) -> task<> {
    auto& ws = *co_await x.accept_websocket({});
    const auto write = [](http::websocket& to) -> task<> {
      for (int i = 0; i < count; ++i) co_await to.write_text("out " + std::to_string(i));
    };
    const auto read = [](http::websocket& from, served& n) -> task<> {
      for (;;) {
        const auto message = co_await from.read();
        if (message.what == kind::closed) co_return;
        if (message.text() != "in " + std::to_string(n.chunks++)) throw error(errc::internal, "out of order");
      }
    };
    const auto both = [&](nursery& children) -> task<> {
      children.start(write(ws));
      children.start(read(ws, notes));
      co_return;
    };
    co_await with_nursery(both);
  };
  const auto notes = test::with_handler({}, handle, [](const control& server) {
    websocket_client client(server.port);
    std::thread sender([&] {
      for (int i = 0; i < count; ++i) {
        client.send_text("in " + std::to_string(i));
        if (i % 50 == 0) client.send_frame(0x89, "ping " + std::to_string(i));
      }
    });
    int pongs = 0;
    for (int i = 0; i < count;) {
      const auto f = client.receive_frame();
      if (f.head == 0x8a) {
        ++pongs;
      } else {
        if (f.payload != "out " + std::to_string(i)) FAIL("out of order: ", f.payload);
        ++i;
      }
    }
    sender.join();
    client.send_frame(0x88, closing(1000));
    while (true) {
      const auto f = client.receive_frame();
      if (f.head != 0x8a) {
        CHECK(f.code() == 1000);
        break;
      }
      ++pongs;
    }
    CHECK(pongs > 0);
  });
  CHECK(notes.chunks == count);
}

TEST_CASE("a read that is cancelled loses nothing") {
  const auto handle = [](http::exchange& x, served& notes) -> task<> {
    auto& ws = *co_await x.accept_websocket({});
    for (;;) {
      try {
        const auto message = co_await with_deadline(1ms, ws.read());
        if (message.what == kind::closed) co_return;
        notes.failure.append(message.text());
      } catch (const std::system_error& e) {
        if (!is_timeout(e)) throw;
        ++notes.cancelled;
      }
    }
  };
  const auto notes = test::with_handler({}, handle, [](const control& server) {
    websocket_client client(server.port);
    for (const std::string text : {"one ", "two ", "three"}) {
      const auto frame = client_frame(0x81, text);
      for (const char c : frame) {
        client.send({&c, 1});
        std::this_thread::sleep_for(2ms); // for the deadline to fall between the bytes
      }
    }
    client.send_frame(0x88, closing(1000));
    client.receive_close();
  });
  CHECK(notes.failure == "one two three");
  CHECK(notes.cancelled > 0);
}
