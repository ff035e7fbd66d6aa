#include "private_engine.hpp"

#include "exec_daemon.hpp"

#include <fmt/format.h>

#include <csignal>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <unistd.h>

namespace clawdspace::test {

namespace {

std::string from_script(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0')
    throw std::runtime_error(fmt::format("{} is not set: run script/test", name));
  return value;
}

} // namespace

std::string private_engine::run(const std::string& text, bound limit) const {
  const auto got = run_program({"bash", "-euo", "pipefail", "-c",
                                ". \"$1/script/lib/common.sh\"; . \"$1/script/lib/engine.sh\"; mkdir -p "
                                "\"$state\"; " +
                                    text,
                                "bash", clone_.path()},
                               {{"DOCKER_HOST", ""}, {"NO_COLOR", "1"}}, limit);
  if (got.code != 0 && got.code != 128 + SIGKILL)
    throw std::runtime_error(
        fmt::format("the private Engine: {} ended with {}: {}", text, got.code, got.output));
  return got.output;
}

private_engine::private_engine() {
  if (::geteuid() != 0) throw std::runtime_error("a private Engine needs root");
  const auto copied = run_program({"cp", "-r", from_script("CLAWDSPACE_TEST_SCRIPT"), clone_.path()});
  if (copied.code != 0) throw std::runtime_error(copied.output);
  start();
  const auto* const named = std::getenv("CLAWDSPACE_TEST_IMAGE");
  const auto loaded = run_program(
      {"bash", "-euo", "pipefail", "-c", "docker -H \"$1\" save \"$3\" | docker -H \"$2\" load", "bash",
       from_script("CLAWDSPACE_TEST_ENGINE"), url_, named != nullptr ? named : "clawdspace/space:test"},
      {}, 120s);
  if (loaded.code != 0)
    throw std::runtime_error("the image did not get into the private Engine: " + loaded.output);
}

// The shell that starts it is killed before it would stop it again, as a script is that dies.
void private_engine::start() {
  const auto output =
      run("engine_start_private; echo \"is $DOCKER_HOST $(engine_private_pid)\"; kill -KILL $$");
  const auto at = output.rfind("is unix://");
  if (at == std::string::npos) throw std::runtime_error("the private Engine did not start: " + output);
  std::istringstream words(output.substr(at + 3));
  words >> url_ >> pid_;
}

void private_engine::kill() const {
  ::kill(pid_, SIGKILL);
  // Nobody may be there to reap it: one that is over has no arguments any more.
  if (!eventually([&] { return read_file(fmt::format("/proc/{}/cmdline", pid_)).empty(); }))
    throw std::runtime_error("the Engine outlived a SIGKILL");
}

private_engine::~private_engine() {
  try {
    (void)run("engine_start_private; docker ps -aq | xargs -r docker rm -fv >/dev/null; engine_release");
  } catch (const std::exception& e) {
    fmt::print(stderr, "a private Engine was left: {}\n", e.what());
  }
}

} // namespace clawdspace::test
