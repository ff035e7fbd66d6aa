#include "exec_daemon.hpp"

#include "exec_support.hpp"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <unistd.h>

namespace clawdspace::test {

namespace {

std::string from_environment(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0')
    throw std::runtime_error(
        fmt::format("{} is not set: run script/test, which finds or starts an Engine and names it", name));
  return value;
}

std::string from_environment(const char* name, const char* otherwise) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

std::string next_instance() {
  static std::atomic<int> last{0};
  return fmt::format("exec{}-{}", ::getpid(), ++last);
}

exec_daemon* the_current = nullptr;
std::unique_ptr<exec_daemon> the_shared;

// A daemon that did not end well fails the run, which is counted by then.
void end_shared() {
  if (!the_shared) return;
  const auto wrong = the_shared->end();
  the_shared.reset();
  if (wrong.empty()) return;
  fmt::print(stderr, "{}\n", wrong);
  std::exit(EXIT_FAILURE); // NOLINT(concurrency-mt-unsafe)
}

// Ends it while everything that it takes still lives, which is not so for what ends with the program.
struct end_of_run : doctest::IReporter {
  explicit end_of_run(const doctest::ContextOptions& /*options*/) {}
  void test_run_end(const doctest::TestRunStats& /*stats*/) override { end_shared(); }
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

bool over_the_door() {
  static const bool door = [] {
    const auto backend = from_environment("CLAWDSPACE_TEST_BACKEND", "door");
    if (backend != "door" && backend != "engine")
      throw std::runtime_error(
          fmt::format("CLAWDSPACE_TEST_BACKEND is \"{}\": neither door nor engine", backend));
    return backend == "door";
  }();
  return door;
}

exec_daemon::exec_daemon(const std::vector<std::string>& settings, std::string engine)
    : instance_(next_instance()), engine_(std::move(engine)) {
  if (engine_.empty()) engine_ = from_environment("CLAWDSPACE_TEST_ENGINE");
  command_line_ = {from_environment("CLAWDSPACE_TEST_DAEMON"),
                   "--port=0",
                   "--state-dir=" + state_dir(),
                   "--static-dir=" + from_environment("CLAWDSPACE_TEST_STATIC"),
                   "--set=spaces.image=" + from_environment("CLAWDSPACE_TEST_IMAGE", "clawdspace/space:test"),
                   "--set=spaces.instance=" + instance_,
                   "--set=spaces.memory=256m",
                   "--set=exec.output_limit=8m",
                   fmt::format("--set=exec.backend={}", over_the_door() ? "door" : "engine")};
  for (const auto& setting : settings) command_line_.push_back("--set=" + setting);
  start();
}

std::string exec_daemon::log() const { return read_file(folder_.file(fmt::format("log-{}", starts_))); }

void exec_daemon::start() {
  ++starts_;
  process_ = std::make_unique<child>(command_line_,
                                     std::map<std::string, std::string>{{"DOCKER_HOST", engine_},
                                                                        {"API_KEY", key},
                                                                        {"PORT", ""},
                                                                        {"IDLE_TIMEOUT_MS", ""},
                                                                        {"CLAWDSPACE_IMAGE", ""}},
                                     folder_.file(fmt::format("log-{}", starts_)));
  const auto listens = [&] {
    const auto words = log();
    constexpr std::string_view mark = "http://127.0.0.1:";
    const auto at = words.find(mark);
    if (at == std::string::npos || words.find('\n', at) == std::string::npos)
      return process_->ended_within({}).has_value();
    port_ = static_cast<unsigned short>(std::stoi(words.substr(at + mark.size())));
    return true;
  };
  port_ = 0;
  if (!comes_true(listens) || port_ == 0) throw std::runtime_error("the daemon did not start:\n" + log());
  const auto ready = [&] { return ask_at(port_, "GET", "/api/spaces").status == 200; };
  if (!comes_true(ready)) throw std::runtime_error("the Engine was not reached:\n" + log());
}

void exec_daemon::kill() {
  process_->send(SIGKILL);
  if (!process_->ended_within(10s)) throw std::runtime_error("the daemon outlived a SIGKILL");
}

std::size_t exec_daemon::resident_kib() const {
  const auto status = read_file(fmt::format("/proc/{}/status", process_->pid()));
  return std::stoul(status.substr(status.find("VmRSS:") + 6));
}

std::string exec_daemon::docker(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), "docker");
  auto [code, output] = run_program(arguments, {{"DOCKER_HOST", engine_}});
  REQUIRE_MESSAGE(code == 0, fmt::format("{}: {}", fmt::join(arguments, " "), output));
  return output;
}

std::string exec_daemon::space(const std::string& kind, json::object fields) {
  const auto found = spaces_.find(kind);
  if (found != spaces_.end()) return found->second;
  auto name = fmt::format("{}-{}", instance_, kind);
  fields["name"] = name;
  const auto made = ask_at(port_, "POST", "/api/spaces", fields);
  REQUIRE_MESSAGE(made.status == 201, json::serialize(made.body));
  spaces_.emplace(kind, name);
  return name;
}

void exec_daemon::remove_spaces() {
  for (const auto& [kind, name] : spaces_) {
    try {
      ask_at(port_, "DELETE", "/api/spaces/" + name);
    } catch (const std::exception& e) {
      fmt::print(stderr, "the space {} was not removed: {}\n", name, e.what());
    }
  }
}

std::string exec_daemon::end() {
  remove_spaces();
  process_->send(SIGTERM);
  const auto code = process_->ended_within(30s);
  if (code != 0)
    return fmt::format("the daemon ended with {}:\n{}", code ? fmt::to_string(*code) : "nothing", log());
  for (; starts_ > 0; --starts_) {
    auto words = log();
    for (const auto* finding : {"Sanitizer", "runtime error:"})
      if (words.find(finding) != std::string::npos) return words;
  }
  return {};
}

exec_daemon& daemon() {
  if (the_current != nullptr) return *the_current;
  if (!the_shared) the_shared = std::make_unique<exec_daemon>();
  return *the_shared;
}

own_daemon::own_daemon(const std::vector<std::string>& settings, const std::string& engine)
    : it_(settings, engine), before_(std::exchange(the_current, &it_)) {}

own_daemon::~own_daemon() {
  the_current = before_;
  try {
    const auto wrong = it_.end();
    CHECK_MESSAGE(wrong.empty(), wrong);
  } catch (const std::exception& e) {
    FAIL_CHECK("a daemon could not be cleared away: " << std::string(e.what()));
  }
}

bool comes_true(const std::function<bool()>& condition, std::chrono::milliseconds within) {
  return eventually(condition, within);
}

} // namespace clawdspace::test
