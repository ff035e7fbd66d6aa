#include <clawdspace/api/bodies.hpp>
#include <clawdspace/api/exec_request.hpp>
#include <clawdspace/api/json.hpp>
#include <clawdspace/api/problem.hpp>

#include <doctest/doctest.h>

#include <set>
#include <support/refusal.hpp>

using namespace clawdspace;
using namespace clawdspace::api;
using namespace std::chrono_literals;
using namespace std::string_literals;
using test::refusal;
using words = std::vector<std::string>;

namespace {

boost::json::value json(std::string_view text) { return parse_json(text).value(); }
http::query query(std::string_view text) { return http::query::parse(text).value(); }

template <class Read>
void check_refused(Read read, std::string_view text, errc code, std::string_view begins) {
  CAPTURE(text);
  const auto e = refusal([&] { read(text); });
  REQUIRE(e);
  CHECK(e->code() == code);
  const std::string got = e->what();
  CAPTURE(got);
  CHECK(got.starts_with(begins));
}

struct refused_row {
  std::string text;
  errc code;
  const char* begins;
};

} // namespace

TEST_CASE("a space is asked for with a name alone, or with everything") {
  const auto least = to_create_request(json(R"({"name":"a"})"));
  CHECK(least.name == "a");
  CHECK_FALSE(least.image);
  CHECK_FALSE(least.memory);
  CHECK_FALSE(least.settings.idle_timeout);
  CHECK(least.env.empty());

  const auto all =
      to_create_request(json(R"({"name":"a","image":"debian:12","memory":"1.5g","cpus":0.5,"pids":50,
      "env":{"K":"V","E":"","Q":"a=b"},"idleTimeoutMs":0,"ttlMs":1000,"network":"none","profile":"strict",
      "metadata":{"owner":"me"}})"));
  CHECK(all.image == "debian:12");
  CHECK(count(*all.memory) == 1'610'612'736);
  CHECK(count(*all.cpus) == 500'000'000);
  CHECK(all.pids == 50);
  CHECK(all.env == words{"K=V", "E=", "Q=a=b"});
  CHECK(all.settings.idle_timeout == 0ms);
  CHECK(all.settings.time_to_live == 1s);
  CHECK(all.network == "none");
  CHECK(all.profile == spaces::profile::strict);
  CHECK(all.settings.metadata.at("owner") == "me");

  const auto nulls = to_create_request(json(
      R"({"name":"a","image":null,"memory":null,"cpus":null,"pids":null,"env":null,"ttlMs":null,"metadata":null})"));
  CHECK_FALSE(nulls.memory);
  CHECK(to_create_request(json(R"({"name":"a","cpus":"2","memory":1073741824})")).memory == 1_GiB);
}

TEST_CASE("what is wrong with a request for a space is told by its field") {
  const auto read = [](std::string_view text) { to_create_request(json(text)); };
  const std::string many_entries = [] {
    std::string text = R"({"name":"a","metadata":{)";
    for (int i = 0; i < 65; ++i) text += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":\"\"";
    return text + "}}";
  }();
  for (const auto& [text, code, begins] : {
           refused_row{"{}", errc::invalid_field, "name: is missing"},
           {R"({"name":null})", errc::invalid_field, "name: is missing"},
           {R"({"name":5})", errc::invalid_field, "name: must be a string"},
           {R"({"name":"A"})", errc::invalid_name, "\"A\" is not a name"},
           {R"({"name":""})", errc::invalid_name, ""},
           {R"({"name":"a","nmae":1})", errc::unknown_field, "there is no field \"nmae\""},
           {R"({"name":"a","image":""})", errc::invalid_field, "image: "},
           {R"({"name":"a","image":"a b"})", errc::invalid_field, "image: "},
           {R"({"name":"a","image":"a?b=c"})", errc::invalid_field, "image: "},
           {R"({"name":"a","image":"a\u0000"})", errc::invalid_field, "image: "},
           {R"({"name":"a","memory":"abc"})", errc::invalid_field, "memory: "},
           {R"({"name":"a","memory":"-1"})", errc::invalid_field, "memory: "},
           {R"({"name":"a","memory":-1})", errc::invalid_field, "memory: "},
           {R"({"name":"a","memory":1.5})", errc::invalid_field, "memory: "},
           {R"({"name":"a","memory":18446744073709551615})", errc::invalid_field, "memory: "},
           {R"({"name":"a","memory":true})", errc::invalid_field, "memory: "},
           {R"({"name":"a","cpus":"two"})", errc::invalid_field, "cpus: "},
           {R"({"name":"a","cpus":0})", errc::invalid_field, "cpus: "},
           {R"({"name":"a","cpus":-1})", errc::invalid_field, "cpus: "},
           {R"({"name":"a","cpus":1e30})", errc::invalid_field, "cpus: "},
           {R"({"name":"a","cpus":[]})", errc::invalid_field, "cpus: "},
           {R"({"name":"a","pids":0})", errc::invalid_field, "pids: "},
           {R"({"name":"a","pids":"9"})", errc::invalid_field, "pids: "},
           {R"({"name":"a","env":["K=V"]})", errc::invalid_field, "env: "},
           {R"({"name":"a","env":{"":"V"}})", errc::invalid_field, "env: "},
           {R"({"name":"a","env":{"K=":"V"}})", errc::invalid_field, "env: "},
           {R"({"name":"a","env":{"K":5}})", errc::invalid_field, "env.K: "},
           {R"({"name":"a","env":{"K":"a\u0000b"}})", errc::invalid_field, "env.K: "},
           {R"({"name":"a","env":{"K\u0000":"a"}})", errc::invalid_field, "env: "},
           {R"({"name":"a","idleTimeoutMs":-1})", errc::invalid_field, "idleTimeoutMs: "},
           {R"({"name":"a","ttlMs":1.5})", errc::invalid_field, "ttlMs: "},
           {R"({"name":"a","ttlMs":9223372036854775807})", errc::invalid_field, "ttlMs: "},
           {R"({"name":"a","network":5})", errc::invalid_field, "network: "},
           {R"({"name":"a","profile":"root"})", errc::invalid_field, "profile: "},
           {R"({"name":"a","metadata":[]})", errc::invalid_field, "metadata: "},
           {R"({"name":"a","metadata":{"k":5}})", errc::invalid_field, "metadata.k: "},
           {R"({"name":"a","metadata":{"k":")" + std::string(1025, 'x') + "\"}}", errc::invalid_field,
            "metadata: "},
           {many_entries, errc::invalid_field, "metadata: has more than 64"},
           {"[]", errc::invalid_json, ""},
       })
    check_refused(read, text, code, begins);
}

TEST_CASE("a change holds what is named, and null goes back to the configuration") {
  const auto none = to_change_request(json("{}"));
  CHECK_FALSE(none.memory);
  CHECK_FALSE(none.idle_timeout);
  CHECK_FALSE(none.time_to_live);
  CHECK_FALSE(none.metadata);
  const auto some = to_change_request(json(R"({"idleTimeoutMs":null,"ttlMs":5,"metadata":{},"cpus":1})"));
  REQUIRE(some.idle_timeout);
  CHECK_FALSE(*some.idle_timeout);
  REQUIRE(some.time_to_live);
  CHECK(*some.time_to_live == 5ms);
  REQUIRE(some.metadata);
  CHECK(some.metadata->empty());
  CHECK(count(*some.cpus) == 1'000'000'000);
  const auto read = [](std::string_view text) { to_change_request(json(text)); };
  for (const auto* fixed : {"name", "image", "network", "profile", "env", "state"})
    check_refused(read, "{\""s + fixed + "\":\"a\"}", errc::unknown_field, "there is no field");
}

// --- exec ---

TEST_CASE("a command comes as a text for the shell, or as arguments") {
  const auto shell = exec_from_json(json(R"({"command":"echo $HOME"})"), query(""));
  CHECK(shell.run.command.shell);
  CHECK(shell.run.command.argv == words{"echo $HOME"});
  CHECK_FALSE(shell.run.command.input);
  CHECK_FALSE(shell.run.timeout);
  CHECK(shell.stream == exec_stream::none);

  const auto direct =
      exec_from_json(json(R"({"command":["printf","%s",""],"env":{"A":"b"},"cwd":"/x","user":"node",
      "stdin":"in","timeoutMs":5,"tty":true,"rows":10,"cols":20})"),
                     query("stream=raw&output=stderr"));
  const auto& what = direct.run.command;
  CHECK_FALSE(what.shell);
  CHECK(what.argv == words{"printf", "%s", ""});
  CHECK(what.env == words{"A=b"});
  CHECK(what.cwd == "/x");
  CHECK(what.user == "node");
  CHECK(what.input);
  CHECK(direct.input == "in");
  CHECK(direct.run.timeout == 5ms);
  CHECK(what.tty);
  CHECK(what.rows == 10);
  CHECK(what.columns == 20);
  CHECK(direct.stream == exec_stream::raw);
  CHECK(direct.only == spaces::channel::err);

  CHECK(exec_from_json(json(R"({"command":"x","user":1000})"), query("")).run.command.user == "1000");
  CHECK(exec_from_json(json(R"({"command":"x","stdinBase64":"AP8="})"), query("")).input == "\0\xff"s);
  CHECK(exec_from_json(json(R"({"command":"x","stdin":""})"), query("")).run.command.input);
  CHECK(exec_from_json(json(R"({"command":"x","detach":false,"tty":null})"), query("stream=ndjson")).stream ==
        exec_stream::ndjson);
}

TEST_CASE("what is wrong with a command is told before anything is started") {
  const auto read = [](std::string_view text) { exec_from_json(json(text), query("")); };
  for (const auto& [text, code, begins] : {
           refused_row{"{}", errc::invalid_command, "command: is missing"},
           {R"({"command":""})", errc::invalid_command, "command: is empty"},
           {R"({"command":[]})", errc::invalid_command, "command: is empty"},
           {R"({"command":[""]})", errc::invalid_command, "command: is empty"},
           {R"({"command":5})", errc::invalid_command, "command: must be"},
           {R"({"command":{}})", errc::invalid_command, "command: must be"},
           {R"({"command":["a",5]})", errc::invalid_command, "command: an argument is not a string"},
           {R"({"command":"a\u0000b"})", errc::invalid_command, "command: has a NUL"},
           {R"({"command":")" + std::string(131'072, 'x') + "\"}", errc::invalid_command,
            "command: an argument of"},
           {R"({"command":"x","env":{"A":")" + std::string(131'072, 'x') + "\"}}", errc::invalid_field,
            "env: "},
           {R"({"command":"x","env":[]})", errc::invalid_field, "env: "},
           {R"({"command":"x","cwd":"a\u0000"})", errc::invalid_field, "cwd: "},
           {R"({"command":"x","user":"a\u0000"})", errc::invalid_field, "user: "},
           {R"({"command":"x","user":-1})", errc::invalid_field, "user: "},
           {R"({"command":"x","user":4294967295})", errc::invalid_field, "user: "},
           {R"({"command":"x","user":1.5})", errc::invalid_field, "user: "},
           {R"({"command":"x","timeoutMs":0})", errc::invalid_field, "timeoutMs: "},
           {R"({"command":"x","timeoutMs":"5"})", errc::invalid_field, "timeoutMs: "},
           {R"({"command":"x","tty":1})", errc::invalid_field, "tty: "},
           {R"({"command":"x","rows":0})", errc::invalid_field, "rows: "},
           {R"({"command":"x","cols":65536})", errc::invalid_field, "cols: "},
           {R"({"command":"x","stdin":5})", errc::invalid_field, "stdin: "},
           {R"({"command":"x","stdinBase64":"Zg"})", errc::invalid_field, "stdinBase64: "},
           {R"({"command":"x","stdin":"a","stdinBase64":""})", errc::invalid_field, "stdinBase64: "},
           {R"({"command":"x","openStdin":true,"stdin":"a"})", errc::invalid_field, "openStdin: "},
           {R"({"command":"x","timeout":5})", errc::unknown_field, "there is no field \"timeout\""},
       })
    check_refused(read, text, code, begins);
  std::string arguments = R"({"command":["x")";
  for (int i = 0; i < 20; ++i) arguments += ",\"" + std::string(60'000, 'y') + "\"";
  check_refused(read, arguments + "]}", errc::invalid_command, "command: with its environment");

  const auto answered = [](std::string_view how) { exec_from_json(json(R"({"command":"x"})"), query(how)); };
  check_refused(answered, "stream=xml", errc::invalid_field, "stream: ");
  check_refused(answered, "output=stdout", errc::invalid_field, "output: goes with");
  check_refused(answered, "stream=raw&output=both", errc::invalid_field, "output: ");
  check_refused(answered, "command=x", errc::unknown_field, "there is no parameter \"command\"");
}

TEST_CASE("a detached command has an input that a pipe holds, or one of its own") {
  const auto detached = exec_from_json(
      json(R"({"command":"x","detach":true,"keepAwake":false,"history":true,"stdin":"a"})"), query(""));
  CHECK(detached.detach);
  CHECK_FALSE(detached.run.keep_awake);
  CHECK(detached.run.history);
  CHECK(detached.input == "a");
  const auto open = exec_from_query(query("command=x&detach=true&openStdin=true"));
  CHECK(open.detach);
  CHECK(open.open_input);
  CHECK(open.run.keep_awake);

  const auto streamed = [](std::string_view how) {
    exec_from_json(json(R"({"command":"x","detach":true})"), query(how));
  };
  check_refused(streamed, "stream=raw", errc::invalid_field, "stream: goes not together with detach");
  const auto fed = [](std::string_view text) { exec_from_json(json(text), query("")); };
  check_refused(fed, R"({"command":"x","detach":true,"stdin":")" + std::string(65'537, 'y') + "\"}",
                errc::invalid_field, "stdin: 65537 bytes");
}

TEST_CASE("a terminal's query says what runs in it, how large it is, and how long it stays") {
  const auto shell = terminal_from_query(query("rows=40&cols=120&user=root&env=A=b&ticket=t"));
  CHECK(shell.command.login);
  CHECK(shell.command.tty);
  CHECK(shell.command.input);
  CHECK(shell.command.rows == 40);
  CHECK(shell.command.columns == 120);
  CHECK(shell.command.user == "root");
  CHECK(shell.command.env == words{"A=b"});
  CHECK(shell.linger == 60'000ms);
  CHECK(terminal_from_query(query("arg=top&lingerMs=5")).linger == 5ms);
  CHECK_FALSE(terminal_from_query(query("command=top&detach=true")).linger);
  CHECK_FALSE(terminal_from_query(query("command=top")).command.login);

  const auto read = [](std::string_view text) { (void)terminal_from_query(query(text)); };
  for (const auto& [text, code, begins] : {
           refused_row{"command=", errc::invalid_command, "command: is empty"},
           {"rows=0", errc::invalid_field, "rows: "},
           {"cols=x", errc::invalid_field, "cols: "},
           {"detach=true&lingerMs=5", errc::invalid_field, "lingerMs: "},
           {"stream=raw", errc::unknown_field, "there is no parameter \"stream\""},
       })
    check_refused(read, text, code, begins);

  const auto attach = attach_from_query(query("rows=7&ticket=t"));
  CHECK(attach.rows == 7);
  CHECK_FALSE(attach.columns);
  check_refused([](std::string_view text) { (void)attach_from_query(query(text)); }, "command=x",
                errc::unknown_field, "there is no parameter \"command\"");
}

TEST_CASE("with bytes as input the command comes in the query") {
  const auto direct =
      exec_from_query(query("arg=sh&arg=-c&arg=cat%20%24X&env=X=a=b&env=Y=&cwd=%2Ftmp&user=0&timeoutMs=5"
                            "&tty=true&rows=10&cols=20&stream=raw"));
  CHECK_FALSE(direct.run.command.shell);
  CHECK(direct.run.command.argv == words{"sh", "-c", "cat $X"});
  CHECK(direct.run.command.env == words{"X=a=b", "Y="});
  CHECK(direct.run.command.cwd == "/tmp");
  CHECK(direct.run.command.user == "0");
  CHECK(direct.run.timeout == 5ms);
  CHECK(direct.run.command.tty);
  CHECK(direct.run.command.rows == 10);
  CHECK(direct.run.command.columns == 20);
  CHECK(direct.body_is_input);
  CHECK(direct.run.command.input);
  CHECK(exec_from_query(query("command=a+b")).run.command.argv == words{"a b"});
  CHECK(exec_from_query(query("command=a%2Bb")).run.command.shell);

  const auto read = [](std::string_view text) { exec_from_query(query(text)); };
  for (const auto& [text, code, begins] : {
           refused_row{"", errc::invalid_command, "command: is missing"},
           {"command=", errc::invalid_command, "command: is empty"},
           {"arg=", errc::invalid_command, "command: is empty"},
           {"command=x&arg=y", errc::invalid_command, "command: goes not together"},
           {"command=a%00b", errc::invalid_command, "command: has a NUL"},
           {"command=x&env=A", errc::invalid_field, "env: "},
           {"command=x&env==A", errc::invalid_field, "env: "},
           {"command=x&env=A=%00", errc::invalid_field, "env: "},
           {"command=x&timeoutMs=0", errc::invalid_field, "timeoutMs: "},
           {"command=x&timeoutMs=5s", errc::invalid_field, "timeoutMs: "},
           {"command=x&timeoutMs=", errc::invalid_field, "timeoutMs: "},
           {"command=x&timeoutMs=99999999999999999999", errc::invalid_field, "timeoutMs: "},
           {"command=x&rows=-1", errc::invalid_field, "rows: "},
           {"command=x&tty=1", errc::invalid_field, "tty: "},
           {"command=x&detach=true", errc::invalid_field, "detach: "},
           {"command=x&stdin=y", errc::unknown_field, "there is no parameter \"stdin\""},
       })
    check_refused(read, text, code, begins);
}

// --- failures ---

TEST_CASE("every failure has a word of its own and a status that fits") {
  std::set<std::string> seen;
  for (int i = 0; i <= static_cast<int>(errc::internal); ++i) {
    const auto code = static_cast<errc>(i);
    const auto answer = to_response(std::make_exception_ptr(error(code, "w\"o\nrds")));
    const auto body = json(answer.body).as_object();
    const std::string word(body.at("code").as_string());
    CAPTURE(word);
    CHECK(seen.insert(word).second);
    CHECK(body.size() == 2);
    CHECK(body.at("error").as_string() == "w\"o\nrds");
    CHECK(answer.headers.find("Content-Type") == "application/json");
    CHECK((answer.status >= 400 && answer.status < 600));
    CHECK(answer.headers.contains("WWW-Authenticate") == (answer.status == 401));
    CHECK(answer.headers.contains("Retry-After") == (answer.status == 503));
    CHECK(!http::reason_phrase(answer.status).empty());
    CHECK((code >= errc::nothing_listens || code == errc::not_supported) == (answer.status >= 500));
  }
}

TEST_CASE("what is nobody's fault outside tells nothing of the inside") {
  const auto status = [](auto failure) { return to_response(std::make_exception_ptr(failure)).status; };
  CHECK(status(std::system_error(make_error_code(std::errc::timed_out))) == 408);
  CHECK(status(std::system_error(asio::error::operation_aborted)) == 503);
  const auto inside = to_response(std::make_exception_ptr(std::runtime_error("/secret/path")));
  CHECK(inside.status == 500);
  CHECK(inside.body.find("secret") == std::string::npos);
  CHECK(status(std::system_error(std::make_error_code(std::errc::no_space_on_device))) == 500);
}
