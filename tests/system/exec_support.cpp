#include "exec_support.hpp"

#include <clawdspace/api/json.hpp>

#include <httplib.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace clawdspace::test {

namespace {

constexpr const char* key = "a-key-for-the-tests";

std::string from_environment(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr)
    throw std::runtime_error(
        fmt::format("{} is not set: run script/test, which finds or starts an Engine and names it", name));
  return value;
}

std::string whole(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string prefix() { return fmt::format("exec{}", ::getpid()); }

httplib::Client client() {
  httplib::Client c("127.0.0.1", daemon().port());
  c.set_bearer_token_auth(key);
  c.set_read_timeout(60);
  c.set_write_timeout(60);
  c.set_tcp_nodelay(true);
  return c;
}

} // namespace

exec_daemon::exec_daemon() {
  std::string name = "/tmp/clawdspace-exec-test-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder for the daemon's state");
  folder_ = name;
  const char* const image = std::getenv("CLAWDSPACE_TEST_IMAGE");
  std::vector<std::string> arguments{from_environment("CLAWDSPACE_TEST_DAEMON"),
                                     "--port",
                                     "0",
                                     "--state-dir",
                                     folder_ + "/state",
                                     "--static-dir",
                                     from_environment("CLAWDSPACE_TEST_STATIC")};
  for (const auto& setting :
       {fmt::format("spaces.image={}", image != nullptr ? image : "clawdspace/space:test"),
        fmt::format("spaces.instance={}", prefix()), std::string("spaces.memory=256m"),
        std::string("exec.output_limit=8m")}) {
    arguments.emplace_back("--set");
    arguments.push_back(setting);
  }
  const auto engine = "DOCKER_HOST=" + from_environment("CLAWDSPACE_TEST_ENGINE");
  const auto secret = fmt::format("API_KEY={}", key);
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ == 0) {
    const auto log = folder_ + "/log";
    if (std::freopen(log.c_str(), "w", stdout) == nullptr || ::dup2(1, 2) < 0) ::_exit(126);
    ::putenv(const_cast<char*>(engine.c_str()));
    ::putenv(const_cast<char*>(secret.c_str()));
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    ::execv(argv.front(), argv.data());
    ::_exit(127);
  }
}

void exec_daemon::wait_until_ready() {
  const auto log = folder_ + "/log";
  const auto listens = [&] {
    const auto words = whole(log);
    constexpr std::string_view mark = "http://127.0.0.1:";
    const auto at = words.find(mark);
    if (at == std::string::npos || words.find('\n', at) == std::string::npos) return false;
    port_ = static_cast<unsigned short>(std::stoi(words.substr(at + mark.size())));
    return true;
  };
  if (!comes_true(listens)) throw std::runtime_error("the daemon did not start: " + whole(log));
  const auto ready = [&] { return ask("GET", "/api/spaces").status == 200; };
  if (!comes_true(ready)) throw std::runtime_error("the Engine was not reached: " + whole(log));
}

void exec_daemon::remove_spaces() {
  for (const auto& [kind, name] : spaces_) {
    try {
      ask("DELETE", "/api/spaces/" + name);
    } catch (const std::exception& e) {
      fmt::print(stderr, "a space was not removed: {}\n", e.what());
    }
  }
  spaces_.clear();
}

exec_daemon::~exec_daemon() {
  ::kill(pid_, SIGTERM);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  if (status != 0) fmt::print(stderr, "the daemon ended with {}:\n{}\n", status, whole(folder_ + "/log"));
  std::error_code ignored; // a folder in /tmp
  std::filesystem::remove_all(folder_, ignored);
}

namespace {

std::unique_ptr<exec_daemon> the_daemon;

// Ends it while everything that it takes still lives, which is not so for what ends with the program.
struct end_of_run : doctest::IReporter {
  explicit end_of_run(const doctest::ContextOptions& /*options*/) {}
  void test_run_end(const doctest::TestRunStats& /*stats*/) override {
    if (the_daemon) the_daemon->remove_spaces();
    the_daemon.reset();
  }
  void report_query(const doctest::QueryData& /*data*/) override {}
  void test_run_start() override {}
  void test_case_start(const doctest::TestCaseData& /*data*/) override {}
  void test_case_reenter(const doctest::TestCaseData& /*data*/) override {}
  void test_case_end(const doctest::CurrentTestCaseStats& /*stats*/) override {}
  void test_case_exception(const doctest::TestCaseException& /*thrown*/) override {}
  void subcase_start(const doctest::SubcaseSignature& /*name*/) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData& /*data*/) override {}
  void log_message(const doctest::MessageData& /*data*/) override {}
  void test_case_skipped(const doctest::TestCaseData& /*data*/) override {}
};

DOCTEST_REGISTER_LISTENER("end_of_run", 1, end_of_run);

} // namespace

exec_daemon& daemon() {
  if (!the_daemon) {
    the_daemon = std::make_unique<exec_daemon>();
    the_daemon->wait_until_ready();
  }
  return *the_daemon;
}

std::size_t exec_daemon::resident_kib() const {
  const auto status = whole(fmt::format("/proc/{}/status", pid_));
  return std::stoul(status.substr(status.find("VmRSS:") + 6));
}

std::string exec_daemon::space(const std::string& kind, json::object fields) {
  const auto found = spaces_.find(kind);
  if (found != spaces_.end()) return found->second;
  auto name = fmt::format("{}-{}", prefix(), kind);
  fields["name"] = name;
  const auto made = ask("POST", "/api/spaces", fields);
  REQUIRE_MESSAGE(made.status == 201, json::serialize(made.body));
  spaces_.emplace(kind, name);
  return name;
}

reply ask(std::string_view method, const std::string& path, const json::value& body) {
  auto c = client();
  httplib::Request request;
  request.method = method;
  request.path = path;
  if (method != "GET") {
    request.body = json::serialize(body);
    request.set_header("Content-Type", "application/json");
  }
  const auto r = c.send(request);
  if (!r) throw std::runtime_error(fmt::format("{} {}: {}", method, path, httplib::to_string(r.error())));
  return {r->status, r->body.empty() ? json::value() : json::parse(r->body)};
}

json::object exec(const std::string& space, json::object body) {
  const auto r = ask("POST", fmt::format("/api/spaces/{}/exec", space), body);
  REQUIRE_MESSAGE(r.status == 200, json::serialize(r.body));
  return r.body.as_object();
}

json::object exec(const std::string& space, std::string_view command) {
  return exec(space, json::object{{"command", command}});
}

std::string text(const json::object& from, std::string_view name) {
  const auto* found = from.if_contains(name);
  if (found == nullptr) return fmt::format("(no {}: {})", name, json::serialize(from));
  return found->is_string() ? std::string(found->get_string()) : json::serialize(*found);
}

std::string output_of(const json::object& answer) {
  const auto* encoded = answer.if_contains("stdoutBase64");
  return encoded != nullptr ? from_base64(encoded->as_string()) : text(answer, "stdout");
}

exec_stream_client::exec_stream_client(const std::string& request_line, std::string_view body,
                                       std::string_view headers, int receive_buffer)
    : wire_(daemon().port(), receive_buffer) {
  wire_.send(fmt::format("{} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\n{}\r\n{}", request_line,
                         key, headers, body));
}

int exec_stream_client::head() {
  if (head_.empty()) head_ = wire_.receive_to("\r\n\r\n");
  return std::stoi(head_.substr(9, 3));
}

std::string exec_stream_client::header(std::string_view name) const {
  const auto mark = fmt::format("\r\n{}: ", name);
  const auto at = head_.find(mark);
  if (at == std::string::npos) return {};
  const auto from = at + mark.size();
  return head_.substr(from, head_.find("\r\n", from) - from);
}

std::string exec_stream_client::chunk() {
  if (over_) return {};
  if (head() != 200) throw std::runtime_error("refused: " + head_);
  const auto size = std::stoul(wire_.receive_to("\r\n"), nullptr, 16);
  if (size > 0) {
    auto piece = wire_.receive(size + 2);
    piece.resize(size);
    return piece;
  }
  over_ = true;
  for (auto line = wire_.receive_to("\r\n"); line != "\r\n"; line = wire_.receive_to("\r\n")) {
    const auto colon = line.find(": ");
    trailers_[line.substr(0, colon)] = line.substr(colon + 2, line.size() - colon - 4);
  }
  return {};
}

std::string exec_stream_client::rest() {
  std::string all = std::exchange(pending_, {});
  for (auto piece = chunk(); !piece.empty(); piece = chunk()) all += piece;
  return all;
}

json::object exec_stream_client::line() {
  for (;;) {
    const auto end = pending_.find('\n');
    if (end != std::string::npos) {
      auto value = json::parse(pending_.substr(0, end));
      pending_.erase(0, end + 1);
      return value.as_object();
    }
    const auto more = chunk();
    if (more.empty()) {
      CHECK(pending_.empty());
      return {};
    }
    pending_ += more;
  }
}

exec_stream_client stream_json(const std::string& space, std::string_view form, const json::object& body,
                               int receive_buffer) {
  const auto text = json::serialize(body);
  return {fmt::format("POST /api/spaces/{}/exec?stream={}", space, form), text,
          fmt::format("Content-Length: {}\r\n", text.size()), receive_buffer};
}

std::string sha256(std::string_view bytes) {
  std::string name = "/tmp/clawdspace-sha-XXXXXX";
  const unique_fd file(::mkstemp(name.data()));
  const auto command = fmt::format("sha256sum > {}", name);
  auto* const pipe = ::popen(command.c_str(), "w");
  if (pipe == nullptr) throw std::runtime_error("no sha256sum");
  std::fwrite(bytes.data(), 1, bytes.size(), pipe);
  ::pclose(pipe);
  const auto sum = whole(name).substr(0, 64);
  ::unlink(name.c_str());
  return sum;
}

std::string noise(std::size_t size, unsigned seed) {
  std::mt19937_64 source(seed);
  std::string bytes;
  bytes.reserve(size + 8);
  while (bytes.size() < size) {
    const auto word = source();
    std::array<char, 8> part;
    std::memcpy(part.data(), &word, part.size());
    bytes.append(part.data(), part.size());
  }
  bytes.resize(size);
  return bytes;
}

std::string from_base64(std::string_view encoded) { return value_or_throw(api::from_base64(encoded)); }

std::string to_query(std::string_view plain) {
  std::string encoded;
  for (const char c : plain) encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return encoded;
}

int count_processes(const std::string& space, std::string_view argument) {
  // The reader's own argument is taken apart, so that it does not find itself.
  const auto pattern = fmt::format("[{}]{}", argument.substr(0, 1), argument.substr(1));
  const auto seen = exec(
      space, json::object{{"command", fmt::format("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | "
                                                  "grep -cx '{}'; true",
                                                  pattern)},
                          {"user", "root"}});
  REQUIRE_MESSAGE(text(seen, "outcome") == "exited", json::serialize(seen));
  return std::stoi(text(seen, "stdout"));
}

bool comes_true(const std::function<bool()>& condition, std::chrono::milliseconds within) {
  const auto end = std::chrono::steady_clock::now() + within;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

} // namespace clawdspace::test
