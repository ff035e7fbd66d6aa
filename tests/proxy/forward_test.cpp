#include "http/raw_client.hpp"
#include "odd_server.hpp"
#include "proxied.hpp"

#include <doctest/doctest.h>
#include <httplib.h>

#include <string>

using namespace clawdspace;
using namespace clawdspace::test;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view once = "GET /a?b=%2F HTTP/1.1\r\nHost: x.test\r\nConnection: close\r\n\r\n";
constexpr std::string_view get = "GET /a?b=%2F HTTP/1.1\r\nHost: x.test\r\n\r\n";

/// What a client sees of a server that answers its one request so, and closes.
std::string answer_to(std::string_view request, std::string_view answer) {
  odd_server server([&](odd_connection& it, int) {
    it.receive_to("\r\n\r\n");
    it.send(answer);
  });
  std::string got;
  with_proxy(server.port(), [&](const control& to) {
    raw_client client(to.port);
    got = client.send(request).receive_all();
  });
  return got;
}

bool has(const std::string& text, std::string_view what) { return text.find(what) != text.npos; }

} // namespace

TEST_CASE("a request goes on with its target as it was, end-to-end headers, and where it came from") {
  std::string seen;
  odd_server server([&](odd_connection& it, int) {
    seen = it.receive_to("\r\n\r\n");
    it.send("HTTP/1.1 204 No Content\r\n\r\n");
  });
  with_proxy(server.port(), [](const control& to) {
    raw_client client(to.port);
    client.send(
        "GET /a%2Fb/../c?q=%20+ HTTP/1.1\r\nHost: x.test\r\nConnection: keep-alive, X-Hop\r\n"
        "X-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers, gzip\r\nX-Forwarded-For: 6.6.6.6\r\n"
        "Forwarded: for=6.6.6.6\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\nX-Kept: yes\r\n\r\n");
    CHECK(client.receive_answer(false).status == 204);
  });
  CHECK(seen.starts_with("GET /a%2Fb/../c?q=%20+ HTTP/1.1\r\n"));
  CHECK(has(seen, "\r\nHost: x.test\r\n"));
  CHECK(has(seen, "\r\nX-Kept: yes\r\n"));
  CHECK(has(seen, "\r\nTE: trailers\r\n"));
  CHECK(has(seen, "\r\nX-Forwarded-For: 127.0.0.1\r\n"));
  CHECK(has(seen, "\r\nX-Forwarded-Host: x.test\r\n"));
  CHECK(has(seen, "\r\nX-Forwarded-Proto: http\r\n"));
  for (const auto* gone : {"X-Hop", "Keep-Alive", "6.6.6.6", "Upgrade", "HTTP2", "gzip"})
    CHECK_FALSE(has(seen, gone));
}

TEST_CASE("an answer comes back with its own status line, headers and length") {
  const auto got =
      answer_to(once, "HTTP/1.1 299 Own Words\r\nContent-Length: 5\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                      "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\nhello");
  CHECK(got.starts_with("HTTP/1.1 299 Own Words\r\n"));
  CHECK(has(got, "Content-Length: 5\r\n"));
  CHECK(has(got, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
  CHECK(has(got, "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n"));
  CHECK_FALSE(has(got, "X-Hop"));
  CHECK(got.ends_with("\r\n\r\nhello"));
}

TEST_CASE("chunks stay chunks, with the trailers behind them") {
  const auto got = answer_to(once, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                                   "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nX-Sum: 7\r\nContent-Length: 9\r\n\r\n");
  CHECK(has(got, "Transfer-Encoding: chunked\r\n"));
  CHECK(has(got, "Trailer: X-Sum\r\n"));
  CHECK(got.ends_with("\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n"));
}

TEST_CASE("a body that lasts until the server closes, HTTP/1.0 or not, becomes chunks") {
  for (const auto* version : {"HTTP/1.0", "HTTP/1.1"}) {
    const auto got = answer_to(once, std::string(version) + " 200 OK\r\n\r\nall of it");
    CHECK(got.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(got.ends_with("9\r\nall of it\r\n0\r\n\r\n"));
  }
}

TEST_CASE("a client of HTTP/1.0 gets no chunks") {
  const auto got = answer_to("GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                                       "3\r\nabc\r\n0\r\n\r\n");
  CHECK_FALSE(has(got, "chunked"));
  CHECK(got.ends_with("\r\n\r\nabc"));
}

TEST_CASE("answers without a body have none, and keep the length that they tell of") {
  CHECK(has(answer_to("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                      "HTTP/1.1 200 OK\r\nContent-Length: 70\r\n\r\n"),
            "Content-Length: 70\r\n"));
  CHECK(has(answer_to(once, "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 9\r\n\r\n"),
            "ETag: \"x\"\r\n"));
  CHECK_FALSE(has(answer_to(once, "HTTP/1.1 204 No Content\r\n\r\n"), "Content-Length"));
}

TEST_CASE("an answer that could be read two ways is a 502 and not passed on") {
  for (const auto* odd : {
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
           "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
           "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
           "HTTP/2.0 200 OK\r\n\r\n",
           "SSH-2.0-OpenSSH_9.2p1\r\n",
           "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
       }) {
    CAPTURE(odd);
    CHECK(answer_to(once, odd).starts_with("HTTP/1.1 502 "));
  }
  CHECK(answer_to(once, "HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x') + "\r\n\r\n")
            .starts_with("HTTP/1.1 502 "));
}

TEST_CASE("a body that is cut short is seen to be cut") {
  const auto got = answer_to(once, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  CHECK(has(got, "3\r\nabc\r\n"));
  CHECK_FALSE(has(got, "0\r\n\r\n"));
}

TEST_CASE("connections are kept, and one that went stale costs no request that may be repeated") {
  odd_server server([](odd_connection& it, int number) {
    for (int i = 0; i < (number == 0 ? 2 : 1); ++i) {
      if (it.receive_to("\r\n\r\n").empty()) return;
      it.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + std::to_string(number));
    }
    if (number == 0) it.receive_to("\r\n\r\n"); // takes a third, and closes without a word
  });
  with_proxy(server.port(), [](const control& to) {
    raw_client client(to.port);
    CHECK(client.send(get).receive_answer().body == "0");
    CHECK(client.send(get).receive_answer().body == "0");
    CHECK(client.send(get).receive_answer().body == "1");
  });
  CHECK(server.connections() == 2);
}

TEST_CASE("what cannot be repeated is not") {
  odd_server server([](odd_connection& it, int number) {
    it.receive_to("\r\n\r\n");
    if (number > 0) return;
    it.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    it.receive_to("\r\n\r\n");
  });
  with_proxy(server.port(), [](const control& to) {
    raw_client client(to.port);
    CHECK(client.send(get).receive_answer().status == 200);
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    CHECK(client.receive_answer().status == 502);
  });
  CHECK(server.connections() == 1);
}

TEST_CASE("a body goes on as it comes, chunks and trailers too, while the answer comes back") {
  odd_server server([](odd_connection& it, int) {
    it.receive_to("\r\n\r\n");
    it.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    it.receive_to("3\r\none\r\n");
    it.send("3\r\nONE\r\n");
    const auto rest = it.receive_to("0\r\nX-Sum: 6\r\n\r\n");
    it.send(rest == "3\r\ntwo\r\n0\r\nX-Sum: 6\r\n\r\n" ? "3\r\nTWO\r\n0\r\n\r\n" : "3\r\nBAD\r\n0\r\n\r\n");
  });
  with_proxy(server.port(), [](const control& to) {
    raw_client client(to.port);
    client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
    client.receive_to("3\r\nONE\r\n");
    client.send("3\r\ntwo\r\n0\r\nX-Sum: 6\r\n\r\n");
    client.receive_to("3\r\nTWO\r\n0\r\n\r\n");
  });
}

TEST_CASE("a 100 and a 103 come from the server, and a refusal before the body asks for none") {
  odd_server server([](odd_connection& it, int number) {
    it.receive_to("\r\n\r\n");
    if (number == 1) {
      it.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
      it.sees_close();
      return;
    }
    it.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
    const auto body = it.receive(5);
    it.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\n" + body);
  });
  with_proxy(server.port(), [](const control& to) {
    const std::string request =
        "PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    raw_client client(to.port);
    client.send(request);
    CHECK(client.receive_to("\r\n\r\n") == "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    CHECK(client.receive_to("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    CHECK(client.send("hello").receive_answer().body == "hello");
    raw_client refused(to.port);
    CHECK(refused.send(request).receive_to("\r\n\r\n").starts_with("HTTP/1.1 413 "));
    CHECK(refused.sees_close());
  });
}

TEST_CASE("an upgrade becomes bytes both ways, and a half-close is one on the other side") {
  std::string asked;
  odd_server server([&](odd_connection& it, int) {
    asked = it.receive_to("\r\n\r\n");
    it.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nfirst");
    const auto all = it.receive(1 << 20); // until the client has said all
    it.send(std::to_string(all.size()));
  });
  with_proxy(server.port(), [](const control& to) {
    raw_client client(to.port);
    client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly");
    const auto head = client.receive_to("\r\n\r\n");
    CHECK(head.starts_with("HTTP/1.1 101 "));
    CHECK(has(head, "Upgrade: echo\r\n"));
    CHECK(has(head, "Connection: Upgrade\r\n"));
    CHECK(client.receive(5) == "first");
    client.send(std::string(300'000, 'x'));
    client.half_close();
    CHECK(client.receive_all() == "300005");
  });
  CHECK(has(asked, "Upgrade: echo\r\nConnection: Upgrade\r\n"));
}

TEST_CASE("a client that leaves ends its request at the server") {
  bool closed = false;
  odd_server server([&](odd_connection& it, int) {
    it.receive_to("\r\n\r\n");
    closed = it.sees_close();
  });
  with_proxy(server.port(), [&](const control& to) {
    {
      raw_client client(to.port);
      client.send(get);
      eventually([&] { return server.connections() == 0; });
    }
    eventually([&] { return server.connections() == 1; });
  });
  eventually([&] { return closed; });
}

TEST_CASE("a server that is silent is waited for, unless a bound says otherwise") {
  odd_server server([](odd_connection& it, int) { it.sees_close(); });
  with_proxy(
      server.port(),
      [](const control& to) { CHECK(raw_client(to.port).send(get).receive_answer().status == 504); }, 50ms);
}

TEST_CASE("TRACE is refused") {
  odd_server server([](odd_connection&, int) {});
  with_proxy(server.port(), [](const control& to) {
    const auto refused = raw_client(to.port).send("TRACE / HTTP/1.1\r\nHost: x\r\n\r\n").receive_answer();
    CHECK(refused.status == 405);
  });
  CHECK(server.connections() == 0);
}

TEST_CASE("an ordinary server is served ordinarily: large bodies both ways, many requests") {
  httplib::Server server;
  server.Post("/echo", [](const httplib::Request& request, httplib::Response& answer) {
    answer.set_content(request.body, "application/octet-stream");
  });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread serving([&] { server.listen_after_bind(); });
  with_proxy(static_cast<unsigned short>(port), [](const control& to) {
    httplib::Client client("127.0.0.1", to.port);
    client.set_keep_alive(true);
    const std::string large(8 << 20, 'y');
    for (int i = 0; i < 3; ++i) {
      const auto got = client.Post("/echo", large, "application/octet-stream");
      REQUIRE(got);
      CHECK(got->body == large);
    }
    for (int i = 0; i < 200; ++i) CHECK(client.Post("/echo", "small", "text/plain")->body == "small");
  });
  server.stop();
  serving.join();
}
