#include "exec_support.hpp"

#include <string>
#include <thread>

using namespace clawdspace::test;

namespace {

std::string exec_at(const std::string& space, std::string_view query) {
  return fmt::format("/api/spaces/{}/exec?{}", space, query);
}

/// Sends a large body in chunks while the answer is read: both ways at once.
std::string exchange(exec_stream_client& client, const std::string& body) {
  std::thread sender([&] {
    constexpr std::size_t piece = 100'000;
    for (std::size_t at = 0; at < body.size(); at += piece) {
      const auto part = std::string_view(body).substr(at, piece);
      client.wire().send(fmt::format("{:x}\r\n", part.size())).send(part).send("\r\n");
    }
    client.wire().send("0\r\n\r\n");
  });
  std::string answer;
  try {
    answer = client.rest();
  } catch (...) {
    sender.join();
    throw;
  }
  sender.join();
  return answer;
}

} // namespace

TEST_CASE("without input a command reads end-of-file at once; with it, exactly that") {
  const auto s = daemon().space("main");
  CHECK(text(exec(s, "cat; echo over"), "stdout") == "over\n");
  const std::string words = " \n no newline at the end";
  CHECK(text(exec(s, json::object{{"command", "cat"}, {"stdin", words}}), "stdout") == words);
  CHECK(text(exec(s, json::object{{"command", "cat"}, {"stdin", ""}}), "stdout").empty());
  CHECK(output_of(exec(s, json::object{{"command", "cat"}, {"stdinBase64", "AP+A"}})) ==
        std::string("\0\xff\x80", 3));
}

TEST_CASE("a body streams through a command, both ways at once, to the last byte") {
  const auto s = daemon().space("main");
  const auto body = noise(64U << 20);
  const auto sum = sha256(body);
  for (const auto* method : {"PUT", "POST"}) {
    CAPTURE(method);
    const std::string headers = "Transfer-Encoding: chunked\r\nContent-Type: application/octet-stream\r\n";
    exec_stream_client summed(fmt::format("{} {}", method, exec_at(s, "command=sha256sum&stream=raw")), "",
                              headers);
    CHECK(exchange(summed, body) == sum + "  -\n");
    exec_stream_client copied(fmt::format("{} {}", method, exec_at(s, "arg=cat&stream=raw")), "", headers);
    CHECK(sha256(exchange(copied, body)) == sum);
    CHECK(copied.trailers().at("X-Exit-Code") == "0");
  }
}

TEST_CASE("a command that stops reading early does not fail the call") {
  const auto s = daemon().space("main");
  const auto body = noise(4U << 20);
  exec_stream_client client(
      fmt::format("PUT {}", exec_at(s, "command=" + to_query("head -c 1 | wc -c") + "&stream=raw")), "",
      fmt::format("Content-Length: {}\r\n", body.size()));
  client.wire().send_as_far_as_possible(body);
  CHECK(client.rest() == "1\n");
  CHECK(client.trailers().at("X-Exit-Code") == "0");
  CHECK(text(exec(s, json::object{{"command", "head -c 1"}, {"stdin", std::string(1U << 20, 'x')}}),
             "stdout") == "x");
}

TEST_CASE("Expect: 100-continue is met before the body is sent") {
  const auto s = daemon().space("main");
  exec_stream_client client(fmt::format("PUT {}", exec_at(s, "arg=cat&stream=raw")), "",
                            "Content-Length: 5\r\nExpect: 100-continue\r\n");
  CHECK(client.wire().receive_to("\r\n\r\n").starts_with("HTTP/1.1 100 "));
  client.wire().send("hello");
  CHECK(client.rest() == "hello");
}

TEST_CASE("environment and folder reach the command as they were given") {
  const auto s = daemon().space("main");
  const std::string odd = "a \"b\" 'c' $d \\ `e`\nline two: ä€🦀 ";
  const auto r =
      exec(s, json::object{{"command", {"sh", "-c", "printf '%s|%s' \"$ODD\" \"$EMPTY\"; pwd >&2"}},
                           {"env", {{"ODD", odd}, {"EMPTY", ""}}},
                           {"cwd", "/usr/lib"}});
  CHECK(text(r, "stdout") == odd + "|");
  CHECK(text(r, "stderr") == "/usr/lib\n");
  exec_stream_client put(
      fmt::format("PUT {}", exec_at(s, "arg=sh&arg=-c&arg=" + to_query("printf %s \"$ODD\"; pwd") +
                                           "&env=" + to_query("ODD=" + odd) + "&cwd=%2F&stream=raw")),
      "", "Content-Length: 0\r\n");
  CHECK(put.rest() == odd + "/\n");
}

TEST_CASE("the user that was asked for runs it, with that user's home") {
  const auto s = daemon().space("main");
  const auto who = [&](const json::value& user) {
    return text(exec(s, json::object{{"command", "echo $(id -u) $USER $HOME"}, {"user", user}}), "stdout");
  };
  CHECK(who(nullptr) == "1001 sandbox /home/sandbox\n");
  CHECK(who("sandbox") == "1001 sandbox /home/sandbox\n");
  CHECK(who("root") == "0 root /root\n");
  CHECK(who(0) == "0 root /root\n");
  CHECK(who("1234").starts_with("1234 "));
  CHECK(who(1234).starts_with("1234 "));
}

TEST_CASE("what cannot be a command is refused, and the message names it") {
  const auto s = daemon().space("main");
  struct bad {
    json::value body;
    std::string query;
    int status;
    std::string code;
    std::string names;
  };
  const std::vector<bad> all{
      {json::object{}, "", 400, "invalid_command", "command"},
      {{{"command", ""}}, "", 400, "invalid_command", "empty"},
      {{{"command", json::array{}}}, "", 400, "invalid_command", "empty"},
      {{{"command", json::array{""}}}, "", 400, "invalid_command", "empty"},
      {{{"command", std::string("a\0b", 3)}}, "", 400, "invalid_command", "NUL"},
      {{{"command", json::array{"a", 1}}}, "", 400, "invalid_command", "argument"},
      {{{"command", 5}}, "", 400, "invalid_command", "command"},
      {{{"command", nullptr}}, "", 400, "invalid_command", "command"},
      {{{"command", "true"}, {"cwd", 1}}, "", 400, "invalid_field", "cwd"},
      {{{"command", "true"}, {"cwd", std::string("/\0", 2)}}, "", 400, "invalid_field", "cwd"},
      {{{"command", "true"}, {"user", 1.5}}, "", 400, "invalid_field", "user"},
      {{{"command", "true"}, {"user", -1}}, "", 400, "invalid_field", "user"},
      {{{"command", "true"}, {"tty", "yes"}}, "", 400, "invalid_field", "tty"},
      {{{"command", "true"}, {"rows", 0}}, "", 400, "invalid_field", "rows"},
      {{{"command", "true"}, {"timeoutMs", 0}}, "", 400, "invalid_field", "timeoutMs"},
      {{{"command", "true"}, {"timeoutMs", "1"}}, "", 400, "invalid_field", "timeoutMs"},
      {{{"command", "true"}, {"env", {{"A=B", "c"}}}}, "", 400, "invalid_field", "A=B"},
      {{{"command", "true"}, {"env", {{"A", 1}}}}, "", 400, "invalid_field", "env.A"},
      {{{"command", "true"}, {"stdinBase64", "a"}}, "", 400, "invalid_field", "stdinBase64"},
      {{{"command", "true"}, {"stdin", "a"}, {"stdinBase64", "YQ=="}}, "", 400, "invalid_field", "stdin"},
      {{{"command", "true"}, {"shell", true}}, "", 400, "unknown_field", "shell"},
      {{{"command", "true"}}, "?stream=sse", 400, "invalid_field", "stream"},
      {{{"command", "true"}}, "?output=stdout", 400, "invalid_field", "output"},
      {{{"command", "true"}}, "?stream=raw&output=both", 400, "invalid_field", "output"},
      {{{"command", "true"}}, "?streams=raw", 400, "unknown_field", "streams"},
      {{{"command", "true"}, {"detach", "yes"}}, "", 400, "invalid_field", "detach"},
      {{{"command", "true"}, {"openStdin", 1}}, "", 400, "invalid_field", "openStdin"},
      {{{"command", "true"}, {"openStdin", true}, {"stdin", "a"}}, "", 400, "invalid_field", "openStdin"},
      {{{"command", "true"}, {"history", "no"}}, "", 400, "invalid_field", "history"},
      {{{"command", "true"}, {"keepAwake", 0}}, "", 400, "invalid_field", "keepAwake"},
      {{{"command", "true"}, {"detach", true}}, "?stream=raw", 400, "invalid_field", "stream"},
  };
  for (const auto& [body, query, status, code, names] : all) {
    CAPTURE(json::serialize(body) + query);
    const auto r = ask("POST", fmt::format("/api/spaces/{}/exec{}", s, query), body);
    CHECK(r.status == status);
    CHECK(text(r.body.as_object(), "code") == code);
    CHECK(text(r.body.as_object(), "error").find(names) != std::string::npos);
  }
  CHECK(ask("POST", "/api/spaces/nowhere/exec", {{"command", "true"}}).status == 404);
}

TEST_CASE("pipelined commands are answered in their order") {
  const auto s = daemon().space("main");
  std::string following;
  for (int i = 1; i < 4; ++i) {
    const auto body = json::serialize(json::object{{"command", fmt::format("echo {}", i)}});
    following += fmt::format("POST /api/spaces/{}/exec HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer "
                             "a-key-for-the-tests\r\nContent-Length: {}\r\n\r\n{}",
                             s, body.size(), body);
  }
  const std::string first = R"({"command":"sleep 0.3; echo 0"})";
  exec_stream_client client(fmt::format("POST /api/spaces/{}/exec", s), first + following,
                            fmt::format("Content-Length: {}\r\n", first.size()));
  for (int i = 0; i < 4; ++i)
    CHECK(client.wire().receive_answer().body.find(fmt::format(R"("stdout":"{}\n")", i)) !=
          std::string::npos);
}
