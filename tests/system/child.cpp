#include "child.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <spawn.h>
#include <stdexcept>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace clawdspace::test {

namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (auto& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

std::vector<std::string> overlaid(const std::map<std::string, std::string>& environment) {
  std::vector<std::string> all;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string entry = *at;
    if (!environment.contains(entry.substr(0, entry.find('=')))) all.push_back(entry);
  }
  for (const auto& [name, value] : environment)
    if (!value.empty()) all.push_back(name + "=" + value);
  return all;
}

} // namespace

child::child(const std::vector<std::string>& argv, const std::map<std::string, std::string>& environment,
             const std::string& output) {
  auto arguments = argv;
  auto variables = overlaid(environment);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                     0600);
  ::posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  const int failed = ::posix_spawnp(&pid_, arguments.front().c_str(), &actions, nullptr,
                                    pointers(arguments).data(), pointers(variables).data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::system_error(failed, std::generic_category(), argv.front());
}

child::~child() {
  if (is_over()) return;
  ::kill(pid_, SIGKILL);
  ended_within(10s);
}

void child::send(int signal) const {
  if (!code_) ::kill(pid_, signal);
}

bool child::is_over() {
  if (code_) return true;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
  code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return true;
}

std::optional<int> child::ended_within(bound limit) {
  eventually([this] { return is_over(); }, limit);
  return code_;
}

temporary_folder::temporary_folder() {
  const char* const where = std::getenv("TMPDIR");
  path_ = std::string(where == nullptr ? "/tmp" : where) + "/clawdspace-system-XXXXXX";
  if (::mkdtemp(path_.data()) == nullptr) throw std::system_error(errno, std::generic_category(), path_);
}

temporary_folder::~temporary_folder() {
  std::error_code ignored; // what is left lies in TMPDIR
  std::filesystem::remove_all(path_, ignored);
}

program_result run_program(const std::vector<std::string>& argv,
                           const std::map<std::string, std::string>& environment, bound limit) {
  const temporary_folder folder;
  child process(argv, environment, folder.file("output"));
  const auto code = process.ended_within(limit);
  if (!code) throw std::runtime_error(argv.front() + " did not end in time");
  return {*code, read_file(folder.file("output"))};
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw std::runtime_error("could not write " + path);
}

} // namespace clawdspace::test
