#include "raw_client.hpp"
#include "served.hpp"

#include <doctest/doctest.h>

using namespace clawdspace;
using test::control;
using test::raw_client;
using test::with_server;

namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

std::size_t times(std::string_view text, std::string_view part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

constexpr std::string_view hello = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";

std::string post(std::string_view path, std::string_view lines, std::string_view body) {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(lines) + "\r\n" +
         std::string(body);
}

std::string post(std::string_view path, std::string_view body) {
  return post(path, "Content-Length: " + std::to_string(body.size()) + "\r\n", body);
}

} // namespace

TEST_CASE("a response says what it is, when, and whose") {
  const auto notes = with_server({}, [](const control& server) {
    raw_client client(server.port);
    const auto a = client.send(hello).receive_answer();
    CHECK(a.status == 200);
    CHECK(a.body == "hello\n");
    CHECK(has(a.head, "HTTP/1.1 200 OK\r\n"));
    CHECK(has(a.head, "Content-Type: text/plain\r\n"));
    CHECK(has(a.head, "\r\nDate: "));
    CHECK(has(a.head, "GMT\r\n"));
    CHECK(has(a.head, "\r\nX-Request-Id: "));
    CHECK_FALSE(has(a.head, "Connection:"));
    // The client's own id where it is one, else ours.
    CHECK(has(
        client.send("GET /hello HTTP/1.1\r\nHost: h\r\nX-Request-Id: a.B_9-\r\n\r\n").receive_answer().head,
        "X-Request-Id: a.B_9-\r\n"));
    CHECK_FALSE(
        has(client.send("GET /hello HTTP/1.1\r\nHost: h\r\nX-Request-Id: a b\r\n\r\n").receive_answer().head,
            "X-Request-Id: a b"));
    const std::string long_id(65, 'a');
    CHECK_FALSE(has(client.send("GET /hello HTTP/1.1\r\nHost: h\r\nX-Request-Id: " + long_id + "\r\n\r\n")
                        .receive_answer()
                        .head,
                    long_id));
  });
  REQUIRE(notes.requests.size() == 4);
  CHECK(notes.requests[0].id.size() == 32);
  CHECK(notes.requests[0].status == 200);
  CHECK(notes.requests[0].bytes_sent == 6);
  CHECK(notes.requests[1].id == "a.B_9-");
}

TEST_CASE("pipelined requests are answered in order, however their bytes arrive") {
  with_server({}, [](const control& server) {
    const auto all = std::string(hello) + post("/echo", "one") +
                     post("/echo", "Transfer-Encoding: chunked\r\n", "3\r\ntwo\r\n0\r\n\r\n") +
                     post("/echo", "three") + "GET /stream HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    const std::string tail =
        "5\r\naaaaa\r\n5\r\nbbbbb\r\n5\r\nccccc\r\n0\r\nX-Outcome: exited\r\nX-Exit-Code: 0\r\n\r\n";
    for (const std::size_t piece : {all.size(), std::size_t{1}, std::size_t{7}}) {
      CAPTURE(piece);
      raw_client client(server.port);
      for (std::size_t at = 0; at < all.size(); at += piece)
        client.send(std::string_view(all).substr(at, piece));
      CHECK(client.receive_answer().body == "hello\n");
      CHECK(client.receive_answer().body == "one");
      CHECK(client.receive_answer().body == "two");
      CHECK(client.receive_answer().body == "three");
      const auto rest = client.receive_all();
      CHECK(has(rest, "Transfer-Encoding: chunked\r\n"));
      CHECK(has(rest, "Trailer: X-Outcome, X-Exit-Code\r\n"));
      CHECK(has(rest, "Connection: close\r\n"));
      CHECK(rest.ends_with(tail));
    }
  });
}

TEST_CASE("a hundred pipelined requests in one segment get a hundred answers") {
  const auto notes = with_server({}, [](const control& server) {
    raw_client client(server.port);
    std::string all;
    for (int i = 0; i < 99; ++i) all += hello;
    all += "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    CHECK(times(client.send(all).receive_all(), "\r\n\r\nhello\n") == 100);
  });
  CHECK(notes.requests.size() == 100);
}

TEST_CASE("HEAD tells of what GET would give, and sends none of it") {
  with_server({}, [](const control& server) {
    raw_client client(server.port);
    client.send("HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n"
                "HEAD /nowhere HTTP/1.1\r\nHost: h\r\n\r\n");
    client.send(hello);
    CHECK(has(client.receive_answer(false).head, "Content-Length: 6\r\n"));
    CHECK(has(client.receive_answer(false).head, "Transfer-Encoding: chunked\r\n"));
    CHECK(client.receive_answer(false).status == 404);
    CHECK(client.receive_answer().body == "hello\n");
  });
}

TEST_CASE("204 has neither body nor length") {
  with_server({}, [](const control& server) {
    raw_client client(server.port);
    client.send("GET /empty HTTP/1.1\r\nHost: h\r\n\r\n").send(hello);
    const auto a = client.receive_answer();
    CHECK(a.status == 204);
    CHECK_FALSE(has(a.head, "Content-Length"));
    CHECK_FALSE(has(a.head, "Transfer-Encoding"));
    CHECK(client.receive_answer().body == "hello\n");
  });
}

TEST_CASE(
    "HTTP/1.0 closes after its answer, unless it asks to be kept, and streams end with the connection") {
  with_server({}, [](const control& server) {
    raw_client old(server.port);
    const auto all = old.send("GET /hello HTTP/1.0\r\n\r\n").receive_all();
    CHECK(has(all, "Connection: close\r\n"));
    CHECK(all.ends_with("\r\n\r\nhello\n"));

    raw_client kept(server.port);
    kept.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(has(kept.receive_answer().head, "Connection: keep-alive\r\n"));
    const auto stream = kept.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").receive_all();
    CHECK(has(stream, "Connection: close\r\n"));
    CHECK_FALSE(has(stream, "chunked"));
    CHECK_FALSE(has(stream, "Trailer"));
    CHECK(stream.ends_with("\r\n\r\naaaaabbbbbccccc"));
  });
}

TEST_CASE("100 is said when the body is first read, and not where it is not wanted") {
  with_server({}, [](const control& server) {
    raw_client client(server.port);
    client.send(post("/echo", "Expect: 100-continue\r\nContent-Length: 4\r\n", ""));
    CHECK(client.receive_to("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    CHECK(client.send("body").receive_answer().body == "body");
    // The body came along: nobody waits.
    CHECK(client.send(post("/echo", "Expect: 100-continue\r\nContent-Length: 4\r\n", "body"))
              .receive_answer()
              .status == 200);
    // Nobody reads it: the final answer comes at once, and the connection ends, since the body may or may not
    // come.
    raw_client refused(server.port);
    const auto a = refused.send(post("/small", "Expect: 100-continue\r\nContent-Length: 99999\r\n", ""))
                       .receive_answer();
    CHECK(a.status == 413);
    CHECK(has(a.head, "Connection: close\r\n"));
    refused.half_close();
    CHECK(refused.sees_close());
    raw_client other(server.port);
    CHECK(other.send("GET /hello HTTP/1.1\r\nHost: h\r\nExpect: magic\r\n\r\n").receive_answer().status ==
          417);
  });
}

TEST_CASE("bodies are read whole, in either framing, and one of exactly the limit fits") {
  with_server({}, [](const control& server) {
    raw_client client(server.port);
    const std::string exact(10 << 10, 'x');
    CHECK(client.send(post("/small", exact)).receive_answer().status == 200);
    CHECK(client.send(post("/small", "Transfer-Encoding: chunked\r\n", "2800\r\n" + exact + "\r\n0\r\n\r\n"))
              .receive_answer()
              .status == 200);
    const std::string large(700'000, 'y');
    CHECK(client.send(post("/echo", large)).receive_answer().body == large);
    CHECK(client.send(hello).receive_answer().status == 200);
  });
}

TEST_CASE("a body that is too large is refused so that the client reads the refusal, not a reset") {
  with_server({}, [](const control& server) {
    const std::string large(8 << 20, 'x');
    {
      raw_client client(server.port);
      client.send(post("/small", large)); // all of it, before the answer is looked at
      const auto a = client.receive_answer();
      CHECK(a.status == 413);
      CHECK(has(a.head, "Connection: close\r\n"));
      CHECK(client.receive_all().empty()); // a close, not a reset
    }
    {
      raw_client client(server.port);
      client.send("POST /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n800000\r\n")
          .send(large);
      CHECK(client.receive_answer().status == 413);
      client.half_close();
      CHECK(client.receive_all().empty());
    }
  });
}

TEST_CASE(
    "a body that no handler read is dropped where it is small, and costs the connection where it is not") {
  with_server({}, [](const control& server) {
    raw_client client(server.port);
    client.send(post("/unread", std::string(60'000, 'x'))).send(hello);
    const auto kept = client.receive_answer();
    CHECK(kept.body == "unread");
    CHECK_FALSE(has(kept.head, "Connection: close"));
    CHECK(client.receive_answer().body == "hello\n");

    // It is still to come: dropped when it does.
    client.send("POST /unread HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
    CHECK(client.receive_answer().body == "unread");
    client.send("12345").send(hello);
    CHECK(client.receive_answer().body == "hello\n");

    client.send(post("/unread", std::string(200'000, 'x')));
    CHECK(has(client.receive_answer().head, "Connection: close\r\n"));
    client.half_close();
    CHECK(client.receive_all().empty());
  });
}

TEST_CASE("a body can be read while the response goes out") {
  with_server({}, [](const control& server) {
    raw_client client(server.port);
    client.send("POST /echo-stream HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.receive_to("\r\n\r\n");
    client.send("3\r\none\r\n");
    CHECK(client.receive_to("one\r\n") == "3\r\none\r\n");
    client.send("3\r\ntwo\r\n0\r\n\r\n");
    CHECK(client.receive_to("0\r\n\r\n") == "3\r\ntwo\r\n0\r\n\r\n");
    CHECK(client.send(hello).receive_answer().body == "hello\n");
  });
}

TEST_CASE("what a handler throws before its response becomes one") {
  const auto notes = with_server({}, [](const control& server) {
    raw_client client(server.port);
    CHECK(client.send("GET /conflict HTTP/1.1\r\nHost: h\r\n\r\n").receive_answer().status == 409);
    CHECK(client.send("GET /silent HTTP/1.1\r\nHost: h\r\n\r\n").receive_answer().status == 500);
    const auto a = client.send("GET /bad-header HTTP/1.1\r\nHost: h\r\n\r\n").receive_answer();
    CHECK(a.status == 500);
    CHECK_FALSE(has(a.head, "Injected"));
    CHECK(client.send(hello).receive_answer().status == 200);
  });
  CHECK(notes.requests.at(0).status == 409);
}

TEST_CASE("a handler that fails midway cuts its stream, so that nobody takes it for whole") {
  const auto notes = with_server({}, [](const control& server) {
    raw_client client(server.port);
    const auto all = client.send("GET /fail-midway HTTP/1.1\r\nHost: h\r\n\r\n").receive_all();
    CHECK(all.ends_with("4\r\nhalf\r\n"));
    // A body that ends with the connection is cut by a reset.
    raw_client old(server.port);
    old.send("GET /fail-midway HTTP/1.0\r\n\r\n");
    CHECK_THROWS_AS(old.receive_all(), std::system_error);
  });
  CHECK(notes.requests.at(0).status == 200);
  CHECK(notes.requests.at(0).bytes_sent == 4);
}

TEST_CASE("ambiguous or broken requests are refused and their connection closed") {
  struct {
    std::string bytes;
    int status;
  } const cases[] = {
      {post("/echo", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
      {post("/echo", "Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"), 400},
      {post("/echo", "Transfer-Encoding: gzip\r\n", "abc"), 501},
      {"GET /hello HTTP/1.1\nHost: h\n\n", 400},
      {"GET /hello HTTP/1.1\r\n\r\n", 400},
      {"GET /hello HTTP/2.0\r\nHost: h\r\n\r\n", 505},
      {"BREW /hello HTTP/1.1\r\nHost: h\r\n\r\n", 501},
      {"\x16\x03\x01\x02 hello", 400},
      {"GET /" + std::string(70'000, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n", 414},
      {"GET /hello HTTP/1.1\r\nHost: h\r\nX: " + std::string(70'000, 'x') + "\r\n\r\n", 431},
      {"GET /hello HTTP/1.1\r\nHost: h\r\n" +
           [] {
             std::string lines;
             for (int i = 0; i < 200; ++i) lines += "X: y\r\n";
             return lines;
           }() +
           "\r\n",
       431},
  };
  const auto notes = with_server({}, [&](const control& server) {
    for (const auto& c : cases) {
      CAPTURE(c.bytes.substr(0, 80));
      raw_client client(server.port);
      client.send(c.bytes).send(hello); // the second must never be answered
      const auto a = client.receive_answer();
      CHECK(a.status == c.status);
      CHECK(has(a.head, "Connection: close\r\n"));
      CHECK(has(a.head, "X-Request-Id: "));
      client.half_close();
      CHECK(client.receive_all().empty());
    }
  });
  CHECK(notes.requests.size() == std::size(cases));
}

TEST_CASE("a body whose framing breaks is refused, and its extensions are bounded") {
  const auto notes = with_server({}, [](const control& server) {
    raw_client client(server.port);
    client.send(post("/echo", "Transfer-Encoding: chunked\r\n", "zz\r\n"));
    CHECK(client.receive_answer().status == 400);
    client.half_close();
    CHECK(client.sees_close());
    raw_client flood(server.port);
    flood.send(post("/echo", "Transfer-Encoding: chunked\r\n", "1;" + std::string(100'000, 'x')));
    CHECK(flood.receive_answer().status == 400);
    flood.half_close();
    CHECK(flood.sees_close());
  });
  CHECK(notes.requests.size() == 2);
}

TEST_CASE("a client that leaves inside its body, or before its answer, is noted and harms nobody") {
  const auto notes = with_server({}, [](const control& server) {
    {
      raw_client client(server.port);
      client.send("POST /note HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345").half_close();
      CHECK(client.sees_close());
    }
    raw_client gone(server.port);
    gone.send("POST /note HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345");
    gone.reset();
    raw_client inside_head(server.port);
    inside_head.send("GET /hel").half_close();
    CHECK(inside_head.sees_close());
    test::eventually([&] { return server.connections() == 0; });
    CHECK(raw_client(server.port).send(hello).receive_answer().status == 200);
  });
  REQUIRE(notes.requests.size() == 3);
  CHECK(notes.requests[0].status == 0);
  CHECK(notes.requests[1].status == 0);
  CHECK(notes.failure.starts_with(std::to_string(static_cast<int>(errc::client_left))));
}

TEST_CASE("departure is seen behind pipelined bytes, by a close, a half-close and a reset") {
  const auto notes = with_server({}, [](const control& server) {
    const std::string_view departure = "GET /departure HTTP/1.1\r\nHost: h\r\n\r\n";
    raw_client half(server.port);
    half.send(departure).send(hello).send(std::string(1000, 'x')).half_close();
    {
      raw_client closed(server.port);
      closed.send(departure);
    }
    raw_client reset(server.port);
    reset.send(departure);
    test::eventually([&] { return server.connections() > 0; });
    reset.reset();
    test::eventually([&] { return server.connections() == 0; });
  });
  CHECK(notes.departures == 3);
}

TEST_CASE("a stream whose reader leaves ends with it") {
  const auto notes = with_server({}, [](const control& server) {
    raw_client client(server.port);
    client.send("GET /flood HTTP/1.1\r\nHost: h\r\n\r\n").receive(1 << 20);
    client.reset();
    test::eventually([&] { return server.connections() == 0; });
  });
  CHECK(notes.departures == 1);
  CHECK(notes.requests.at(0).status == 200);
}
