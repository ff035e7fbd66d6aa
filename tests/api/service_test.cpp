#include <clawdspace/api/json.hpp>
#include <clawdspace/api/problem.hpp>
#include <clawdspace/api/service.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <support/folder.hpp>
#include <support/run_coroutine.hpp>
#include <support/silent_exchange.hpp>

using namespace clawdspace;
using namespace std::chrono_literals;

namespace {

/// A request of the test's, and the response that is made to it.
class kept_exchange final : public test::silent_exchange {
 public:
  std::string body;
  std::optional<http::response> given;

  [[nodiscard]] const http::query& parameters() override {
    parameters_ = value_or_throw(http::query::parse(request.query));
    return parameters_;
  }
  [[nodiscard]] std::string_view path_parameter(std::string_view name) const override {
    for (const auto& [key, value] : path_)
      if (key == name) return value;
    return {};
  }
  void set_path_parameters(std::vector<std::pair<std::string, std::string>> parameters) override {
    path_ = std::move(parameters);
  }
  task<std::string> read_all(bytes) override { co_return body; }
  task<> respond(http::response whole) override {
    given = std::move(whole);
    co_return;
  }
  task<> start(int status, http::fields headers, std::vector<std::string>) override {
    given = http::response{.status = status, .headers = std::move(headers), .body = {}};
    co_return;
  }
  task<> start_sized(int status, http::fields headers, std::uint64_t) override {
    co_await start(status, std::move(headers), {});
  }
  using http::exchange::write;
  task<> write(std::span<const std::byte> chunk) override {
    given->body.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
    co_return;
  }
  [[nodiscard]] bool started() const override { return given.has_value(); }

 private:
  std::vector<std::pair<std::string, std::string>> path_;
};

class no_commands final : public spaces::command_backend {
 public:
  task<std::unique_ptr<spaces::running_command>> start(spaces::space_ptr, spaces::command_spec) override {
    throw error(errc::internal, "no command should come so far");
    co_return nullptr;
  }
  task<bool> end_rest(spaces::space_ptr, std::string) override { co_return true; }
  void forget(const spaces::space_ptr&, const std::string&) override {}
  [[nodiscard]] std::string limitation(const spaces::space&) const override { return "no command runs here"; }
};

constexpr const char* key = "the-key-of-this-test";

/// The contract, above an Engine that is not there.
struct contract {
  explicit contract(const asio::any_io_executor& executor) : on(executor) {
    here.write("static/index.html", "<p>");
    service.emplace(api::parts{.executor = on,
                               .known = known,
                               .operations = operations,
                               .engine = follower,
                               .book = book,
                               .ports = ports,
                               .events = events,
                               .usage = usage,
                               .files = files,
                               .files_by_engine = files_by_engine,
                               .watches = watches,
                               .docker = docker,
                               .time = time,
                               .shown = shown,
                               .stopping = stopping},
                    api::settings{.key = key,
                                  .openapi = "openapi: 3.1.0\n",
                                  .files = http::static_files::load(here.path() / "static")});
  }

  asio::any_io_executor on;
  test::folder here;
  spaces::policy rules;
  system_clock time;
  spaces::folders state{here.path() / "state",
                        {.init = here.write("init", "program"), .files = here.write("files", "program")}};
  engine::client docker{on, {.socket_path = (here.path() / "no.sock").string()}};
  spaces::event_hub events{on};
  spaces::registry known{on, time, events};
  spaces::lifecycle operations{on, docker, known, state, time, rules};
  spaces::follower follower{docker, known, operations, state, [](const engine::engine_event&) {}};
  no_commands commands;
  spaces::command_book book{
      {.executor = on, .known = known, .operations = operations, .backend = commands, .events = events},
      spaces::command_ids(siphash_key{})};
  spaces::usage_monitor usage{on, docker, known, time, [](const spaces::space&) { return 0; }};
  spaces::doors doors{on, docker, known, state};
  spaces::ports ports{on, known, operations, doors};
  proxy::pool connections{on, {}};
  api::previews shown{{.known = known,
                       .operations = operations,
                       .time = time,
                       .connections = connections,
                       .passes = proxy::passes({}),
                       .connect = [](std::string, std::uint16_t) -> task<proxy::stream_socket> {
                         throw error(errc::nothing_listens, "nothing listens there");
                       }},
                      {.key = key, .domain = {}, .trusted = {}, .head_time = std::nullopt}};
  spaces::files files{on, known, operations, doors};
  spaces::engine_files files_by_engine{docker};
  spaces::watches watches{on, files};
  event stopping{on};
  std::optional<api::service> service;

  /// The response, as the server would give it.
  task<http::response> ask(std::string method, std::string path,
                           std::optional<std::string> authorization = std::string("Bearer ") + key,
                           std::string body = {}) {
    kept_exchange x;
    x.request.method = std::move(method);
    const auto mark = path.find('?');
    x.request.path = path.substr(0, mark);
    if (mark != std::string::npos) x.request.query = path.substr(mark + 1);
    if (authorization) x.request.headers.add("authorization", *authorization);
    x.body = std::move(body);
    std::exception_ptr failure;
    try {
      co_await service->handle(x);
    } catch (...) {
      failure = std::current_exception();
    }
    co_return failure ? api::to_response(failure) : x.given.value();
  }
};

template <class Body> void with_contract(Body body) {
  const auto all = [&](asio::io_context& loop) -> task<> {
    contract c(loop.get_executor());
    co_await body(c);
  };
  test::run_coroutine(all);
}

std::string code_of(const http::response& answer) {
  return std::string(api::parse_json(answer.body).value().at("code").as_string());
}

} // namespace

TEST_CASE("everything below /api needs the key, but health") {
  const auto body = [](contract& c) -> task<> {
    c.known.set_filled();
    for (const auto& [method, path] : std::initializer_list<std::pair<const char*, const char*>>{
             {"GET", "/api/system"},
             {"GET", "/api/openapi.yaml"},
             {"GET", "/api/events"},
             {"GET", "/api/spaces"},
             {"HEAD", "/api/spaces"},
             {"POST", "/api/spaces"},
             {"GET", "/api/spaces/a"},
             {"PATCH", "/api/spaces/a"},
             {"DELETE", "/api/spaces/a"},
             {"POST", "/api/spaces/a/stop"},
             {"POST", "/api/spaces/a/start"},
             {"POST", "/api/spaces/a/exec"},
             {"PUT", "/api/spaces/a/exec"},
             {"PUT", "/api/spaces"}, // not allowed: also that is told to those with the key only
             {"GET", "/api/nothing"},
             {"GET", "/api/"},
             {"GET", "/api"}}) {
      CAPTURE(method);
      CAPTURE(path);
      for (const auto& given : {std::optional<std::string>(), std::optional<std::string>("Bearer wrong")}) {
        const auto answer = co_await c.ask(method, path, given);
        CHECK(answer.status == 401);
        CHECK(answer.headers.contains("WWW-Authenticate"));
        CHECK(answer.body.find("the-key") == std::string::npos);
      }
    }
    for (const auto* path : {"/api/health", "/", "/index.html"}) {
      CAPTURE(path);
      const auto answer = co_await c.ask("GET", path, std::nullopt);
      CHECK(answer.status == 200);
    }
  };
  with_contract(body);
}

TEST_CASE("a path that only looks like another one opens no door") {
  const auto body = [](contract& c) -> task<> {
    c.known.set_filled();
    for (const auto* path : {"/%61pi/spaces", "/API/spaces", "//api/spaces", "/api%2Fspaces", "/./api/spaces",
                             "/x/../api/spaces", "/api/health/../spaces", "/api/health/", "/api//health",
                             "/index.html/../api/spaces", "/%2e/api/spaces", "/api;x/spaces"}) {
      CAPTURE(path);
      const auto answer = co_await c.ask("GET", path, std::nullopt);
      CHECK((answer.status == 401 || answer.status == 404));
      CHECK(answer.body.find("\"spaces\"") == std::string::npos);
    }
  };
  with_contract(body);
}

TEST_CASE("the key is taken in its scheme alone, whatever the case of that") {
  const auto body = [](contract& c) -> task<> {
    c.known.set_filled();
    const std::string right = key;
    for (const auto& given : {"Bearer " + right, "bearer " + right, "BEARER " + right}) {
      CAPTURE(given);
      const auto answer = co_await c.ask("GET", "/api/spaces", given);
      CHECK(answer.status == 200);
    }
    for (const auto& given :
         {std::string(right), "Basic " + right, "Bearer" + right, std::string("Bearer"),
          std::string("Bearer "), std::string(), "Bearer " + right + "x", "Bearer " + right.substr(1),
          "Bearer " + right.substr(0, right.size() - 1), "Bearer " + right + " ", "Bearer  " + right,
          std::string("Bearer The-key-of-this-test"), "Bearer " + right + "," + right, "Token " + right}) {
      CAPTURE(given);
      const auto answer = co_await c.ask("GET", "/api/spaces", given);
      CHECK(answer.status == 401);
      CHECK(code_of(answer) == "unauthorized");
    }
  };
  with_contract(body);
}

TEST_CASE("what is not there, and what is not allowed, are told apart") {
  const auto body = [](contract& c) -> task<> {
    c.known.set_filled();
    auto answer = co_await c.ask("GET", "/api/nothing");
    CHECK(answer.status == 404);
    CHECK(code_of(answer) == "not_found");
    answer = co_await c.ask("GET", "/api/spaces/a");
    CHECK(answer.status == 404);
    CHECK(code_of(answer) == "space_not_found");
    answer = co_await c.ask("PUT", "/api/spaces");
    CHECK(answer.status == 405);
    CHECK(answer.headers.find("Allow").value_or("").find("POST") != std::string_view::npos);
    answer = co_await c.ask("POST", "/index.html");
    CHECK(answer.status == 405);
    CHECK(answer.headers.find("Allow") == "GET, HEAD");
    answer = co_await c.ask("GET", "/nothing.html");
    CHECK(answer.status == 404);
  };
  with_contract(body);
}

TEST_CASE("before the Engine was reached nothing is said about spaces, and health says why") {
  const auto body = [](contract& c) -> task<> {
    for (const auto& [method, path] : std::initializer_list<std::pair<const char*, const char*>>{
             {"GET", "/api/spaces"}, {"GET", "/api/spaces/a"}, {"DELETE", "/api/spaces/a"}}) {
      CAPTURE(path);
      const auto answer = co_await c.ask(method, path);
      CHECK(answer.status == 503);
      CHECK(code_of(answer) == "engine_unavailable");
      CHECK(answer.headers.contains("Retry-After"));
    }
    const auto made = co_await c.ask("POST", "/api/spaces", std::string("Bearer ") + key, R"({"name":"a"})");
    CHECK(made.status == 503);
    const auto health = co_await c.ask("GET", "/api/health", std::nullopt);
    const auto told = api::parse_json(health.body).value();
    CHECK(health.status == 200);
    CHECK(told.at("status").as_string() == "degraded");
    CHECK(told.at("engine").at("reachable").as_bool() == false);
    const auto system = co_await c.ask("GET", "/api/system");
    CHECK(system.status == 200);
  };
  with_contract(body);
}

TEST_CASE("the list shows what changed since it was last asked for") {
  const auto body = [](contract& c) -> task<> {
    c.known.set_filled();
    auto answer = co_await c.ask("GET", "/api/spaces");
    CHECK(answer.body == "{\"spaces\":[]}\n");
    const auto s = c.known.add({.id = "1", .name = "a"});
    s->settings.metadata = {{"owner", "me=you"}};
    c.known.set_state(s, spaces::space_state::running);
    answer = co_await c.ask("GET", "/api/spaces");
    const auto first = api::parse_json(answer.body).value().at("spaces").at(0);
    CHECK(first.at("name").as_string() == "a");
    CHECK(first.at("state").as_string() == "running");
    c.known.set_state(s, spaces::space_state::paused);
    answer = co_await c.ask("GET", "/api/spaces");
    CHECK(answer.body.find("\"paused\"") != std::string::npos);

    answer = co_await c.ask("GET", "/api/spaces?label=owner=me=you");
    CHECK(answer.body.find("\"a\"") != std::string::npos);
    for (const auto* other : {"owner=you", "owner=", "other=me=you", "owner=me=you&label=x=y"}) {
      CAPTURE(other);
      answer = co_await c.ask("GET", std::string("/api/spaces?label=") + other);
      CHECK(answer.body == "{\"spaces\":[]}\n");
    }
    for (const auto* wrong : {"label=owner", "label==x", "label=", "lable=a=b"}) {
      CAPTURE(wrong);
      answer = co_await c.ask("GET", std::string("/api/spaces?") + wrong);
      CHECK(answer.status == 400);
    }
  };
  with_contract(body);
}

TEST_CASE("a stop that names no depth that there is does nothing") {
  const auto body = [](contract& c) -> task<> {
    c.known.set_filled();
    c.known.set_state(c.known.add({.id = "1", .name = "a"}), spaces::space_state::running);
    const auto with_key = std::string("Bearer ") + key;
    for (const auto* wrong :
         {R"({"depth":"asleep"})", R"({"depth":5})", R"({"deep":"stopped"})", "[]", "{"}) {
      CAPTURE(wrong);
      const auto answer = co_await c.ask("POST", "/api/spaces/a/stop", with_key, wrong);
      CHECK(answer.status == 400);
    }
    CHECK(c.docker.calls() == 0);
    const auto started = co_await c.ask("POST", "/api/spaces/a/start", with_key); // runs already
    CHECK(started.status == 200);
    CHECK(c.docker.calls() == 0);
  };
  with_contract(body);
}

TEST_CASE("events are streamed from where a follower was, and a gap is told") {
  const auto body = [](contract& c) -> task<> {
    c.known.set_filled();
    c.stopping.set(); // the stream ends when the daemon stops
    const auto fresh = co_await c.ask("GET", "/api/events");
    CHECK(fresh.status == 200);
    CHECK(fresh.headers.find("Content-Type") == "text/event-stream");
    CHECK(fresh.body.starts_with(": clawdspace\n\n"));
    CHECK(fresh.body.find("event: gap") == std::string::npos);
  };
  with_contract(body);
}

TEST_CASE("a session comes from a ticket that was asked for with the key, and opens what the key does") {
  const auto body = [](contract& c) -> task<> {
    c.known.set_filled();
    const auto word_of = [](const http::response& answer, std::string_view name) {
      return std::string(boost::json::parse(answer.body).at(name).as_string());
    };
    const auto with_key = std::string("Bearer ") + key;
    auto answer = co_await c.ask("POST", "/api/tickets", std::nullopt, R"({"for":"session"})");
    CHECK(answer.status == 401);
    answer = co_await c.ask("POST", "/api/tickets", with_key, R"({"for":"me"})");
    CHECK(answer.status == 400);
    answer = co_await c.ask("POST", "/api/tickets", with_key, R"({"for":"session"})");
    REQUIRE(answer.status == 201);
    const auto given = R"({"ticket":")" + word_of(answer, "ticket") + R"("})";

    for (const auto* wrong : {R"({"ticket":"0"})", R"({"ticket":""})"}) {
      answer = co_await c.ask("POST", "/api/sessions", std::nullopt, wrong);
      CHECK(answer.status == 401);
    }
    answer = co_await c.ask("POST", "/api/sessions", std::nullopt, "{}");
    CHECK(answer.status == 400);
    const auto session = co_await c.ask("POST", "/api/sessions", std::nullopt, given);
    REQUIRE(session.status == 201);
    CHECK(session.headers.find("Cache-Control") == "no-store");
    answer = co_await c.ask("POST", "/api/sessions", std::nullopt, given);
    CHECK(answer.status == 401);

    const auto token = word_of(session, "token");
    answer = co_await c.ask("GET", "/api/spaces", "Bearer " + token);
    CHECK(answer.status == 200);
    answer = co_await c.ask("GET", "/api/spaces", "Bearer " + token + "0");
    CHECK(answer.status == 401);
  };
  with_contract(body);
}

TEST_CASE("what is asked of stats and events is named, and anything else refused") {
  const auto body = [](contract& c) -> task<> {
    c.known.set_filled();
    c.known.set_state(c.known.add({.id = "1", .name = "a"}), spaces::space_state::stopped);
    for (const auto* wrong : {"/api/spaces/a/stats?folow=true", "/api/spaces/a/stats?follow=yes",
                              "/api/events?usage=1", "/api/events?use=true"}) {
      CAPTURE(wrong);
      const auto answer = co_await c.ask("GET", wrong);
      CHECK(answer.status == 400);
    }
    const auto nobody = co_await c.ask("GET", "/api/spaces/b/stats");
    CHECK(nobody.status == 404);
    CHECK(c.usage.readings() == 0);
  };
  with_contract(body);
}
