#include "daemon.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <random>
#include <sstream>
#include <stdexcept>

namespace clawdspace::test {

namespace json = boost::json;

namespace {

const std::string& run_id() {
  static const std::string id = [] {
    std::ostringstream text;
    text << std::hex << std::random_device{}();
    return "sys" + text.str();
  }();
  return id;
}

} // namespace

std::string from_script(const char* variable) {
  const char* const value = std::getenv(variable);
  if (value == nullptr || *value == '\0')
    throw std::runtime_error(
        std::string(variable) +
        " is not set: run script/test, which finds or starts an Engine, builds the images "
        "for the tests and names them there");
  return value;
}

std::string docker(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "docker");
  auto [code, output] = run_program(arguments, {{"DOCKER_HOST", from_script("CLAWDSPACE_TEST_ENGINE")}});
  if (code != 0) throw std::runtime_error("docker " + arguments.at(1) + ": " + output);
  if (output.ends_with('\n')) output.pop_back();
  return output;
}

std::string unique_name() {
  static std::atomic<int> last{0};
  return run_id() + "-" + std::to_string(++last);
}

std::string answer::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

std::string answer::field(std::string_view name) const {
  const auto* const object = json.if_object();
  const auto* const value = object == nullptr ? nullptr : object->if_contains(name);
  if (value == nullptr) return "";
  const auto* const words = value->if_string();
  return words == nullptr ? json::serialize(*value) : std::string(*words);
}

api_client::api_client(int port, std::string key) : port_(port), key_(std::move(key)) {}

std::unique_ptr<httplib::Client> api_client::make() const {
  auto client = std::make_unique<httplib::Client>("127.0.0.1", port_);
  if (!key_.empty()) client->set_bearer_token_auth(key_);
  client->set_connection_timeout(5s);
  client->set_read_timeout(60s);
  client->set_write_timeout(10s);
  return client;
}

answer api_client::call(const std::string& method, const std::string& path, const std::string& body) const {
  httplib::Request request;
  request.method = method;
  request.path = path;
  request.body = body;
  if (!body.empty()) request.headers.emplace("Content-Type", "application/json");
  const auto result = make()->send(request);
  if (!result) throw std::runtime_error(method + " " + path + ": " + httplib::to_string(result.error()));
  answer got{result->status, result->headers, result->body, {}};
  json::error_code not_json;
  got.json = json::parse(got.text, not_json);
  return got;
}

daemon::daemon(std::vector<std::string> settings, std::string engine)
    : settings_(std::move(settings)), engine_(std::move(engine)), instance_(unique_name()),
      key_("a key of " + instance_ + " that is long enough") {
  std::ranges::replace(key_, ' ', '-');
  if (engine_.empty()) engine_ = from_script("CLAWDSPACE_TEST_ENGINE");
  write_file(folder_.file("key"), key_ + "\n");
  start();
}

std::vector<std::string> daemon::command_line() const {
  std::vector<std::string> line{CLAWDSPACE_DAEMON,
                                "--port=0",
                                "--key-file=" + folder_.file("key"),
                                "--state-dir=" + state_dir(),
                                "--static-dir=" CLAWDSPACE_STATIC,
                                "--init=" CLAWDSPACE_INIT,
                                "--engine=" + engine_,
                                "--log-format=text",
                                "--set=spaces.instance=" + instance_,
                                "--set=spaces.image=" + from_script("CLAWDSPACE_TEST_IMAGE"),
                                "--set=spaces.memory=128m",
                                "--set=spaces.network=none"};
  for (const auto& setting : settings_) line.push_back("--set=" + setting);
  return line;
}

std::map<std::string, std::string> daemon::environment() {
  return {
      {"API_KEY", ""}, {"PORT", ""}, {"IDLE_TIMEOUT_MS", ""}, {"CLAWDSPACE_IMAGE", ""}, {"DOCKER_HOST", ""}};
}

void daemon::start() {
  constexpr std::string_view sign = "listening url=http://127.0.0.1:";
  log_ = folder_.file("log-" + std::to_string(++starts_));
  process_ = std::make_unique<child>(command_line(), environment(), log_);
  std::string text;
  const bool listens = eventually(
      [&] {
        text = log();
        const auto at = text.find(sign);
        return (at != std::string::npos && text.find('\n', at) != std::string::npos) ||
               process_->ended_within(0s).has_value();
      },
      20s);
  const auto at = text.find(sign);
  if (!listens || at == std::string::npos) throw std::runtime_error("the daemon did not come up:\n" + text);
  api_ = std::make_unique<api_client>(std::atoi(text.c_str() + at + sign.size()), key_);
  if (engine_ != from_script("CLAWDSPACE_TEST_ENGINE")) return; // not there yet, as the test has it
  if (!eventually([&] { return api_->get("/api/spaces").status == 200; }, 20s))
    throw std::runtime_error("the daemon did not reach its Engine:\n" + log());
}

std::optional<int> daemon::stop(int signal, bound limit) {
  process_->send(signal);
  return process_->ended_within(limit);
}

daemon::~daemon() {
  try {
    if (process_ && !stop(SIGTERM)) process_.reset();
    const auto left =
        docker({"ps", "-aq", "--no-trunc", "--filter", "label=clawdspace.instance=" + instance_});
    std::istringstream ids(left);
    for (std::string id; ids >> id;) docker({"rm", "-fv", id});
    for (int i = 1; i <= starts_; ++i) {
      const auto text = read_file(folder_.file("log-" + std::to_string(i)));
      CHECK_MESSAGE(text.find("Sanitizer") == std::string::npos, text);
      CHECK_MESSAGE(text.find("runtime error:") == std::string::npos, text);
    }
  } catch (const std::exception& e) {
    FAIL_CHECK("a daemon could not be cleared away: " << std::string(e.what()));
  }
}

space::space(const daemon& host, const std::string& fields) : host_(host), name_(unique_name()) {
  const auto made = host.api().post("/api/spaces", "{\"name\":\"" + name_ + "\"" +
                                                       (fields.empty() ? "" : ",") + fields + "}");
  if (made.status != 201) throw std::runtime_error("a space was not made: " + made.text);
}

space::~space() {
  try {
    host_.api().del(path());
  } catch (const std::exception& e) {
    // A test that ended its daemon: what that made goes with the daemon's object.
    MESSAGE("not destroyed by name: " << std::string(e.what()));
  }
}

bool space::becomes(std::string_view wanted, bound limit) const {
  return eventually([&] { return state() == wanted; }, limit);
}

answer space::run(const std::string& text) const {
  return host_.api().post(path("/exec"), json::serialize(json::object{{"command", text}}));
}

} // namespace clawdspace::test
