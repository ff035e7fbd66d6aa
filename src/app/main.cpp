#include <clawdspace/app/command_line.hpp>
#include <clawdspace/app/daemon.hpp>
#include <clawdspace/core/error.hpp>
#include <clawdspace/core/log.hpp>
#include <clawdspace/version.hpp>

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <span>
#include <sys/resource.h>
#include <unistd.h>

using namespace clawdspace;

namespace {

constexpr int exit_failure = 1;
constexpr int exit_usage = 2;

// Thousands of clients are thousands of descriptors; the soft limit is a default from another age.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) log_warning("the limit of open files could not be raised");
}

spdlog::level::level_enum level_of(const configuration& config) {
  return config.log.level == "warn" ? spdlog::level::warn : spdlog::level::from_str(config.log.level);
}

int serve(const configuration& config) {
  ::signal(SIGPIPE, SIG_IGN);
  asio::io_context loop{1};
  start_log(loop.get_executor(), STDERR_FILENO,
            config.log.format == "json" ? log_format::json : log_format::text, level_of(config));
  int code = 0;
  try {
    raise_descriptor_limit();
    app::daemon daemon(loop, config);
    daemon.run();
    log_info("stopped");
  } catch (const std::exception& e) {
    log_error("cannot go on", {field("reason", e.what())});
    code = exit_failure;
  }
  stop_log();
  return code;
}

} // namespace

int main(int argc, char** argv) {
  try {
    const auto line =
        app::read_command_line(std::span<const char* const>(argv, static_cast<std::size_t>(argc)).subspan(1));
    switch (line.what) {
    case app::command_line::action::help:
      fmt::print("{}", app::help());
      return 0;
    case app::command_line::action::version:
      fmt::print("clawdspaced {}\n", version);
      return 0;
    case app::command_line::action::check:
      app::check(line.config);
      fmt::print("the configuration is right\n");
      return 0;
    case app::command_line::action::serve:
      return serve(line.config);
    }
  } catch (const error& e) {
    fmt::print(stderr, "clawdspaced: {}\n", e.what());
  }
  return exit_usage;
}
