#include "trace.hpp"
#include <clawdspace/http/parser.hpp>

#include <doctest/doctest.h>

using namespace clawdspace;
using http::parser;

namespace {

struct request_case {
  std::string_view what;
  std::string bytes;
  std::string_view expected;
};

const std::string host = "Host: h\r\n";
const std::string get = "GET / HTTP/1.1\r\n" + host;

/// A POST whose framing lines are given, with a body behind it.
std::string post(const std::string& lines, const std::string& body) {
  return "POST / HTTP/1.1\r\n" + host + lines + "\r\n" + body;
}

const request_case request_cases[] = {
    // what is served
    {"a GET", get + "\r\n", "GET /|end"},
    {"an empty line before a request", "\r\n\r\n" + get + "\r\n", "GET /|end"},
    {"a query", "GET /a%20b?x=1&y HTTP/1.1\r\n" + host + "\r\n", "GET /a%20b?x=1&y|end"},
    {"a second question mark", "GET /a?b?c HTTP/1.1\r\n" + host + "\r\n", "GET /a?b?c|end"},
    {"an absolute form", "GET http://h:80/a?b HTTP/1.1\r\n" + host + "\r\n", "GET /a?b|end"},
    {"an absolute form without path", "GET http://[::1]?b HTTP/1.1\r\n" + host + "\r\n", "GET /?b|end"},
    {"OPTIONS of the server", "OPTIONS * HTTP/1.1\r\n" + host + "\r\n", "OPTIONS *|end"},
    {"HTTP/1.0 closes", "GET / HTTP/1.0\r\n\r\n", "GET / close|end"},
    {"HTTP/1.0 that asks to be kept", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
     "GET / Connection=Keep-Alive|end"},
    {"close among others", get + "Connection: foo , CLOSE\r\n\r\n", "GET / Connection=foo , CLOSE close|end"},
    {"spaces around a value", get + "A: \t b c \t \r\nE:\r\n\r\n", "GET / A=b c E=|end"},
    {"bytes above ASCII in a value", get + "A: \xc3\xa9\r\n\r\n", "GET / A=\xc3\xa9|end"},
    {"a body of a length", post("Content-Length: 5\r\n", "hello"), "POST / Content-Length=5|body hello|end"},
    {"a body of length zero", post("Content-Length: 0\r\n", ""), "POST / Content-Length=0|end"},
    {"a chunked body",
     post("Transfer-Encoding: Chunked\r\n", "5\r\nhello\r\n006;a;b=c\r\n world\r\n0\r\n\r\n"),
     "POST / Transfer-Encoding=Chunked|body hello world|end"},
    {"trailers", post("Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n"),
     "POST / Transfer-Encoding=chunked|body x|end"},
    {"two requests in one piece", get + "\r\n" + get + "X: y\r\n\r\n", "GET /|end|GET / X=y|end"},
    {"a request behind a body", post("Content-Length: 2\r\n", "ab" + get + "\r\n"),
     "POST / Content-Length=2|body ab|end|GET /|end"},
    {"a request behind chunks", post("Transfer-Encoding: chunked\r\n", "1\r\na\r\n0\r\n\r\n" + get + "\r\n"),
     "POST / Transfer-Encoding=chunked|body a|end|GET /|end"},
    {"a request to upgrade", get + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nxyz",
     "GET / Connection=Upgrade Upgrade=websocket|end|error 501"},
    {"what is not whole yet", get + "Connection", "more"},
    {"a body that is not whole yet", post("Content-Length: 5\r\n", "hel"),
     "POST / Content-Length=5|body hel|more"},

    // request lines
    {"HTTP/0.9", "GET /\r\n", "error 400"},
    {"HTTP/2.0", "GET / HTTP/2.0\r\n" + host + "\r\n", "error 505"},
    {"HTTP/1.2", "GET / HTTP/1.2\r\n" + host + "\r\n", "error 505"},
    {"HTTP/3.1", "GET / HTTP/3.1\r\n" + host + "\r\n", "error 505"},
    {"HTTP/2 without asking", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "error 505"},
    {"RTSP", "OPTIONS / RTSP/1.0\r\n\r\n", "error 400"},
    {"ICE", "SOURCE / ICE/1.0\r\n\r\n", "error 400"},
    {"a lower-case version", "GET / http/1.1\r\n" + host + "\r\n", "error 400"},
    {"two spaces before the target", "GET  / HTTP/1.1\r\n" + host + "\r\n", "error 400"},
    {"two spaces before the version", "GET /  HTTP/1.1\r\n" + host + "\r\n", "error 400"},
    {"a space behind the version", "GET / HTTP/1.1 \r\n" + host + "\r\n", "error 400"},
    {"a space in the target", "GET /a b HTTP/1.1\r\n" + host + "\r\n", "error 400"},
    {"a tab as separator", "GET\t/ HTTP/1.1\r\n" + host + "\r\n", "error 400"},
    {"a space before the method", " GET / HTTP/1.1\r\n" + host + "\r\n", "error 501"},
    {"a method that nobody knows", "BREW / HTTP/1.1\r\n" + host + "\r\n", "error 501"},
    {"a lower-case method", "get / HTTP/1.1\r\n" + host + "\r\n", "error 501"},
    {"no request at all", "\x16\x03\x01\x02", "error 400"},
    {"CONNECT", "CONNECT h:80 HTTP/1.1\r\n" + host + "\r\n", "error 501"},
    {"a target without a slash", "GET a HTTP/1.1\r\n" + host + "\r\n", "error 400"},
    {"a star for GET", "GET * HTTP/1.1\r\n" + host + "\r\n", "error 400"},
    {"a fragment", "GET /a#b HTTP/1.1\r\n" + host + "\r\n", "error 400"},
    {"another scheme", "GET ftp://h/ HTTP/1.1\r\n" + host + "\r\n", "error 400"},
    {"an absolute form without host", "GET http:/// HTTP/1.1\r\n" + host + "\r\n", "error 400"},
    {"a user in an absolute form", "GET http://u@h/ HTTP/1.1\r\n" + host + "\r\n", "error 400"},
    {"a NUL in the target", std::string("GET /a\0b HTTP/1.1\r\n", 19) + host + "\r\n", "error 400"},
    {"DEL in the target", "GET /a\x7f HTTP/1.1\r\n" + host + "\r\n", "error 400"},
    {"a byte above ASCII in the target", "GET /\xc3\xa9 HTTP/1.1\r\n" + host + "\r\n", "error 400"},

    // lines
    {"a bare LF behind the request line", "GET / HTTP/1.1\n" + host + "\r\n", "error 400"},
    {"a bare LF behind a header", "GET / HTTP/1.1\r\nHost: h\n\r\n", "error 400"},
    {"a bare LF as the empty line", get + "\n", "error 400"},
    {"a bare CR in a header", get + "A: b\rC: d\r\n\r\n", "error 400"},
    {"a bare CR at the end of the head", get + "\rX", "error 400"},
    {"a folded line", get + "A: b\r\n c\r\n\r\n", "error 400"},
    {"a folded line with nothing in it", get + "A: b\r\n \r\n\r\n", "error 400"},
    {"a fold behind the request line", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", "error 400"},
    {"a space before the colon", get + "A : b\r\n\r\n", "error 400"},
    {"a header without a name", get + ": b\r\n\r\n", "error 400"},
    {"a header without a colon", get + "A\r\n\r\n", "error 400"},
    {"a name that is no token", get + "A(b): c\r\n\r\n", "error 400"},
    {"a NUL in a value", get + std::string("A: b\0c\r\n\r\n", 10), "error 400"},
    {"a control byte in a value", get + "A: b\x01\r\n\r\n", "error 400"},

    // Host
    {"no Host", "GET / HTTP/1.1\r\n\r\n", "error 400"},
    {"an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "error 400"},
    {"two Hosts", get + host + "\r\n", "error 400"},
    {"two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\n" + host + host + "\r\n", "error 400"},
    {"a path in Host", "GET / HTTP/1.1\r\nHost: h/x\r\n\r\n", "error 400"},
    {"a user in Host", "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", "error 400"},
    {"a list in Host", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "error 400"},
    {"a port that is no number", "GET / HTTP/1.1\r\nHost: h:http\r\n\r\n", "error 400"},

    // framing: where two readers could disagree, nobody reads on
    {"both lengths", post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), "error 400"},
    {"both lengths, the other way", post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n"),
     "error 400"},
    {"two lengths", post("Content-Length: 3\r\nContent-Length: 4\r\n", "abc"), "error 400"},
    {"the same length twice", post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), "error 400"},
    {"a list of lengths", post("Content-Length: 3, 3\r\n", "abc"), "error 400"},
    {"a signed length", post("Content-Length: +3\r\n", "abc"), "error 400"},
    {"a negative length", post("Content-Length: -1\r\n", "abc"), "error 400"},
    {"a hexadecimal length", post("Content-Length: 0x3\r\n", "abc"), "error 400"},
    {"an empty length", post("Content-Length:\r\n", ""), "error 400"},
    {"a length in two words", post("Content-Length: 1 2\r\n", "abc"), "error 400"},
    {"a length past 64 bits", post("Content-Length: 18446744073709551617\r\n", "a"), "error 400"},
    {"a length whose name has a space", post("Content-Length : 3\r\n", "abc"), "error 400"},
    {"identity", post("Transfer-Encoding: identity\r\n", "abc"), "error 501"},
    {"gzip", post("Transfer-Encoding: gzip\r\n", "abc"), "error 501"},
    {"gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), "error 501"},
    {"chunked, identity", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"), "error 501"},
    {"xchunked", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), "error 501"},
    {"chunkedx", post("Transfer-Encoding: chunkedx\r\n", "0\r\n\r\n"), "error 501"},
    {"chunked with a parameter", post("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n"), "error 501"},
    {"chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
     "error 501"},
    {"chunked and then another", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", "0\r\n\r\n"),
     "error 501"},
    {"an empty coding", post("Transfer-Encoding:\r\n", "abc"), "error 501"},
    {"quoted", post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"), "error 501"},
    {"a vertical tab before chunked",
     post("Transfer-Encoding: \x0b"
          "chunked\r\n",
          "0\r\n\r\n"),
     "error 400"},
    {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "error 400"},
    {"gzip in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: gzip\r\n\r\n", "error 400"},
    {"a coding whose name is folded", get + "Transfer-Encoding:\r\n chunked\r\n\r\n", "error 400"},

    // chunks
    {"a bare LF behind a size", post("Transfer-Encoding: chunked\r\n", "1\nx\r\n0\r\n\r\n"),
     "POST / Transfer-Encoding=chunked|error 400"},
    {"a bare LF behind the data", post("Transfer-Encoding: chunked\r\n", "1\r\nx\n0\r\n\r\n"),
     "POST / Transfer-Encoding=chunked|body x|error 400"},
    {"a bare LF at the end", post("Transfer-Encoding: chunked\r\n", "0\r\n\n"),
     "POST / Transfer-Encoding=chunked|error 400"},
    {"more data than the size says", post("Transfer-Encoding: chunked\r\n", "1\r\nxy\r\n0\r\n\r\n"),
     "POST / Transfer-Encoding=chunked|body x|error 400"},
    {"no size", post("Transfer-Encoding: chunked\r\n", "\r\n\r\n"),
     "POST / Transfer-Encoding=chunked|error 400"},
    {"a prefix", post("Transfer-Encoding: chunked\r\n", "0x1\r\nx\r\n"),
     "POST / Transfer-Encoding=chunked|error 400"},
    {"a sign", post("Transfer-Encoding: chunked\r\n", "-1\r\nx\r\n"),
     "POST / Transfer-Encoding=chunked|error 400"},
    {"a space before the size", post("Transfer-Encoding: chunked\r\n", " 1\r\nx\r\n"),
     "POST / Transfer-Encoding=chunked|error 400"},
    {"a size past 64 bits", post("Transfer-Encoding: chunked\r\n", "10000000000000001\r\nx\r\n"),
     "POST / Transfer-Encoding=chunked|error 400"},
    {"a bare CR in an extension", post("Transfer-Encoding: chunked\r\n", "1;a\rb\r\nx\r\n"),
     "POST / Transfer-Encoding=chunked|error 400"},
    {"a folded trailer", post("Transfer-Encoding: chunked\r\n", "0\r\nA: b\r\n c\r\n\r\n"),
     "POST / Transfer-Encoding=chunked|error 400"},
};

std::string requests(std::string_view bytes, std::size_t piece, http::parser_limits limits = {}) {
  parser p(parser::role::server, limits);
  return test::trace(p, parser::role::server, bytes, piece);
}

std::string response(std::string_view method, bool stream, std::string_view bytes, std::size_t piece,
                     bool close = false) {
  parser p(parser::role::client, {});
  p.expect_response_to(method, stream);
  return test::trace(p, parser::role::client, bytes, piece, close);
}

} // namespace

TEST_CASE("a request gives the same events however it arrives, and ambiguous ones are refused") {
  for (const auto& c : request_cases) {
    CAPTURE(c.what);
    CHECK(requests(c.bytes, c.bytes.size()) == c.expected);
    for (std::size_t piece = 1; piece < 24; ++piece) {
      CAPTURE(piece);
      CHECK(requests(c.bytes, piece) == c.expected);
    }
  }
}

TEST_CASE("a response gives the same events however it arrives") {
  struct {
    std::string_view what;
    std::string_view method;
    bool stream;
    std::string_view bytes;
    bool close;
    std::string_view expected;
  } const cases[] = {
      {"a length", "GET", false, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", false, "200|body hi|end"},
      {"no reason", "GET", false, "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", false, "200|end"},
      {"chunks", "GET", false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
       false, "200|body hi|end"},
      {"a body that ends with the connection", "GET", false, "HTTP/1.1 200 OK\r\n\r\nhi", true,
       "200 close|body hi|end"},
      {"one that is not over", "GET", false, "HTTP/1.1 200 OK\r\n\r\nhi", false, "200 close|body hi|more"},
      {"one that is empty", "GET", false, "HTTP/1.1 200 OK\r\n\r\n", true, "200 close|end"},
      {"HTTP/1.0", "GET", false, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", false,
       "200 close|body hi|end"},
      {"a length cut short", "GET", false, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi", true,
       "200|body hi|cut"},
      {"chunks cut short", "GET", false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
       true, "200|body hi|cut"},
      {"chunks without the last empty line", "GET", false,
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n", true, "200|body hi|cut"},
      {"a head cut short", "GET", false, "HTTP/1.1 200 OK\r\nCont", true, "cut"},
      {"nothing at all", "GET", false, "", true, ""},
      {"an answer to HEAD", "HEAD", false, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", false, "200|end"},
      {"an answer to HEAD without length", "HEAD", false, "HTTP/1.1 200 OK\r\n\r\n", false, "200|end"},
      {"204", "GET", false, "HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n", false, "204|end"},
      {"304", "GET", false, "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", false, "304|end"},
      {"interim answers", "GET", false,
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
       false, "200|body hi|end"},
      {"an interim answer and no more", "GET", false, "HTTP/1.1 100 Continue\r\n\r\n", true, "cut"},
      {"two answers", "GET", false,
       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", false,
       "200|body hi|end|404|end"},
      {"101 for a stream", "POST", true,
       "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nHTTP/", false,
       "101 close|stream|HTTP/"},
      {"101 without naming the protocol", "POST", true, "HTTP/1.1 101 UPGRADED\r\n\r\nab", false,
       "101 close|stream|ab"},
      {"200 for a stream", "POST", true,
       "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n\1\2", false,
       "200 close|stream|\1\2"},
      {"an interim answer before a stream", "POST", true,
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 UPGRADED\r\n\r\nab", false, "101 close|stream|ab"},
      {"an error where a stream was asked for", "POST", true,
       "HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\nno", false, "409|body no|end"},
      {"a whole answer where a stream was asked for", "POST", true,
       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", false, "200|body no|end"},
      {"101 that nobody asked for", "GET", false,
       "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nab", false, "error 400"},
      {"both lengths", "GET", false,
       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false,
       "error 400"},
      {"another coding", "GET", false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nab", false,
       "error 501"},
      {"another version", "GET", false, "HTTP/2.0 200 OK\r\n\r\n", false, "error 505"},
      {"no HTTP", "GET", false, "SSH-2.0-OpenSSH\r\n", false, "error 400"},
      {"a folded line", "GET", false, "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", false, "error 400"},
      {"bare LF", "GET", false, "HTTP/1.1 200 OK\nContent-Length: 0\n\n", false, "error 400"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.what);
    CHECK(response(c.method, c.stream, c.bytes, c.bytes.size(), c.close) == c.expected);
    for (std::size_t piece = 1; piece < 24; ++piece) {
      CAPTURE(piece);
      CHECK(response(c.method, c.stream, c.bytes, piece, c.close) == c.expected);
    }
  }
}

TEST_CASE("every size of a message has a bound that is counted in bytes as they are fed") {
  const http::parser_limits limits{.head = 1_KiB, .header_count = 4, .chunk_overhead = bytes{256}};
  const std::string chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string served = "POST / Transfer-Encoding=chunked|";
  const std::string fill(1024 - get.size() - 7, 'x');
  struct {
    std::string_view what;
    std::string bytes;
    std::string expected;
  } const cases[] = {
      {"a head of the limit", get + "X: " + fill + "\r\n\r\n", "GET / X=" + fill + "|end"},
      {"a head past it by one byte", get + "X: x" + fill + "\r\n\r\n", "error 431"},
      {"a head that never ends", get + "X: " + std::string(4096, 'x'), "error 431"},
      {"a request line that never ends", "GET /" + std::string(4096, 'x'), "error 414"},
      {"empty lines without end", std::string(4096, '\n'), "error 400"},
      {"empty lines of CR LF without end",
       [] {
         std::string lines;
         for (int i = 0; i < 2048; ++i) lines += "\r\n";
         return lines;
       }(),
       "error 414"},
      {"four headers", get + "A: 1\r\nB: 2\r\nC: 3\r\n\r\n", "GET / A=1 B=2 C=3|end"},
      {"five headers", get + "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n", "error 431"},
      {"an extension that never ends", chunked + "1;" + std::string(4096, 'x'), served + "error 413"},
      {"extensions that are short but many",
       chunked +
           [] {
             std::string chunks;
             for (int i = 0; i < 40; ++i) chunks += "1;1234567=1234567\r\nx\r\n";
             return chunks;
           }(),
       served + "body " + std::string(18, 'x') + "|error 413"},
      {"leading zeros without end", chunked + std::string(4096, '0'), served + "error 413"},
      {"trailers without end", chunked + "0\r\nA: " + std::string(4096, 'x'), served + "error 431"},
      {"too many trailers", chunked + "0\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\n\r\n",
       served + "error 431"},
      {"many chunks without extensions",
       chunked +
           [] {
             std::string chunks;
             for (int i = 0; i < 1000; ++i) chunks += "1\r\nx\r\n";
             return chunks + "0\r\n\r\n";
           }(),
       served + "body " + std::string(1000, 'x') + "|end"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.what);
    CHECK(requests(c.bytes, c.bytes.size(), limits) == c.expected);
    CHECK(requests(c.bytes, 1, limits) == c.expected);
    CHECK(requests(c.bytes, 7, limits) == c.expected);
  }
  parser client(parser::role::client, limits);
  std::string interim;
  for (int i = 0; i < 200; ++i) interim += "HTTP/1.1 100 Continue\r\n\r\n";
  CHECK(test::trace(client, parser::role::client, interim, 64) == "error 431");
}

TEST_CASE("a parser tells whether a message has begun, and stays refused after an error") {
  parser p(parser::role::server, {});
  const std::string_view some = "GET / ";
  CHECK_FALSE(p.in_message());
  CHECK(p.finish()->what == http::parse_step::kind::need_more);
  CHECK(p.feed(std::as_bytes(std::span(some)))->taken == some.size());
  CHECK(p.in_message());
  CHECK_FALSE(p.finish().has_value());
  const auto again = p.feed(std::as_bytes(std::span(get)));
  REQUIRE_FALSE(again.has_value());
  CHECK(again.error().code() == errc::malformed_request);
}

TEST_CASE("a head says what the client expects and what follows") {
  parser p(parser::role::server, {});
  const std::string bytes = post("Expect: 100-Continue\r\nContent-Length: 5\r\n", "");
  REQUIRE(p.feed(std::as_bytes(std::span(bytes))).has_value());
  CHECK(p.request().expects_continue);
  CHECK(p.request().content_length == 5u);
  CHECK(p.request().has_body());
  CHECK(p.request().version_minor == 1);
  CHECK(p.request().target == "/");
}

TEST_CASE("who passes answers on is told of interim ones, and of trailers") {
  http::parser p(http::parser::role::client, {});
  p.expect_any_response_to("GET", false);
  using kind = http::parse_step::kind;
  const std::string all = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n"
                          "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 1\r\n\r\n";
  for (const std::size_t piece : {std::size_t{1}, all.size()}) {
    std::string seen;
    auto rest = std::as_bytes(std::span(all));
    while (!rest.empty() || !seen.ends_with("end")) {
      const auto some = rest.first(std::min(piece, rest.size()));
      const auto step = value_or_throw(p.feed(some));
      rest = rest.subspan(step.taken);
      if (step.what == kind::interim) seen += std::to_string(p.response().status) + " ";
      if (step.what == kind::head) seen += std::to_string(p.response().status) + " ";
      if (step.what == kind::end) seen += std::string(*p.trailers().find("x-sum")) + " end";
    }
    CHECK(seen == "103 200 1 end");
  }
}

TEST_CASE(
    "a 200 without a length is no stream to who passes answers on, and a 101 is where it was asked for") {
  using kind = http::parse_step::kind;
  const std::string plain = "HTTP/1.1 200 OK\r\n\r\nx";
  http::parser p(http::parser::role::client, {});
  p.expect_any_response_to("GET", true);
  const auto head = value_or_throw(p.feed(std::as_bytes(std::span(plain))));
  CHECK(head.what == kind::head);
  CHECK(value_or_throw(p.feed(std::as_bytes(std::span(plain)).subspan(head.taken))).what == kind::body);
  CHECK(value_or_throw(p.finish()).what == kind::end);
  const std::string change = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nx";
  for (const bool asked : {true, false}) {
    http::parser q(http::parser::role::client, {});
    q.expect_any_response_to("GET", asked);
    const auto step = q.feed(std::as_bytes(std::span(change)));
    CHECK(step.has_value() == asked);
    if (step) CHECK(value_or_throw(q.feed({})).what == kind::upgraded);
  }
}
