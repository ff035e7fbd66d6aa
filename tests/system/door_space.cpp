#include "door_space.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>
#include <sys/stat.h>

namespace clawdspace::test {
namespace {

program_result docker(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "docker");
  const char* const engine = std::getenv("CLAWDSPACE_TEST_ENGINE");
  if (engine == nullptr)
    throw std::runtime_error("CLAWDSPACE_TEST_ENGINE is not set: run script/test, which finds an Engine");
  return run_program(arguments, {{"DOCKER_HOST", engine}});
}

std::string checked_docker(std::vector<std::string> arguments) {
  auto [code, output] = docker(arguments);
  if (code != 0) throw std::runtime_error("docker " + arguments.front() + ": " + output);
  if (output.ends_with('\n')) output.pop_back();
  return output;
}

std::string unique_name() {
  static const auto run = std::random_device{}();
  static std::atomic<int> last{0};
  std::ostringstream name;
  name << "clawdspace-test-door-" << std::hex << run << "-" << std::dec << ++last;
  return name.str();
}

} // namespace

std::string from_environment(const char* name, const char* otherwise) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

door_space::door_space(profile p, const std::string& image, const std::vector<std::string>& options)
    : profile_(p), name_(unique_name()) {
  ::chmod(folder_.path().c_str(), 0711);
  std::filesystem::copy_file(CLAWDSPACE_INIT, folder_.file("init"));
  listener_ = std::make_unique<door_listener>(folder_.path());
  std::vector<std::string> words{"run",
                                 "--detach",
                                 "--name",
                                 name_,
                                 "--label",
                                 "clawdspace.test=door",
                                 "--user",
                                 "0",
                                 "--init=false",
                                 "--network",
                                 "none",
                                 "--log-driver",
                                 "none",
                                 "--pids-limit",
                                 "256",
                                 "--entrypoint",
                                 "/.clawdspace/init",
                                 "--mount",
                                 "type=bind,src=" + folder_.path() + ",dst=/.clawdspace,readonly",
                                 "--cap-drop",
                                 "ALL"};
  std::vector<std::string> capabilities{"SETUID", "SETGID", "KILL", "CHOWN"};
  if (p == profile::strict) {
    capabilities.emplace_back("SETPCAP");
    words.insert(words.end(), {"--security-opt", "no-new-privileges"});
  } else {
    capabilities.insert(capabilities.end(), {"DAC_OVERRIDE", "FOWNER", "FSETID", "AUDIT_WRITE"});
  }
  for (const auto& capability : capabilities) words.insert(words.end(), {"--cap-add", capability});
  words.insert(words.end(), options.begin(), options.end());
  words.push_back(image.empty() ? from_environment("CLAWDSPACE_TEST_IMAGE", "clawdspace/space:test") : image);
  try {
    checked_docker(words);
    reconnect(20s);
  } catch (...) {
    docker({"rm", "--force", "--volumes", name_});
    throw;
  }
}

door_space::~door_space() { docker({"rm", "--force", "--volumes", name_}); }

door_connection& door_space::reconnect(bound limit) {
  door_.reset();
  door_ = std::make_unique<door_connection>(listener_->greet(told_, limit));
  return *door_;
}

std::vector<std::string> door_space::options(std::vector<std::string> more) const {
  if (profile_ == profile::strict) more.emplace_back("--strict");
  return more;
}

program_result door_space::as_root(std::vector<std::string> argv) const {
  argv.insert(argv.begin(), {"exec", "--user", "0", name_});
  return docker(std::move(argv));
}

pid_t door_space::init_pid() const {
  return std::stoi(checked_docker({"inspect", "--format", "{{.State.Pid}}", name_}));
}

int door_space::processes() const {
  int count = -1; // PID 1
  std::istringstream lines(checked_docker({"top", name_, "-o", "pid"}));
  std::string line;
  std::getline(lines, line); // the head
  while (std::getline(lines, line)) ++count;
  return count - std::min(crew(), most_idle);
}

int door_space::crew() const {
  std::istringstream lines(checked_docker({"top", name_, "-o", "pid,ppid,stat,args"}));
  std::string line;
  std::getline(lines, line);
  std::set<int> idle;
  std::set<int> parents;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    int pid = 0;
    int parent = 0;
    std::string state;
    std::string program;
    words >> pid >> parent >> state >> program;
    parents.insert(parent);
    if (parent == init_pid() && !state.starts_with('Z') && program.ends_with("/init")) idle.insert(pid);
  }
  return static_cast<int>(
      std::count_if(idle.begin(), idle.end(), [&](int pid) { return !parents.contains(pid); }));
}

bool door_space::runs(const std::string& mark) const {
  return checked_docker({"top", name_, "-o", "pid,args"}).find(mark) != std::string::npos;
}

bool door_space::container_runs() const {
  return checked_docker({"inspect", "--format", "{{.State.Running}}", name_}) == "true";
}

} // namespace clawdspace::test
