#pragma once

#include <clawdspace/core/clock.hpp>
#include <clawdspace/core/units.hpp>
#include <clawdspace/space/types.hpp>

#include <filesystem>
#include <string>

namespace clawdspace::spaces {

/// What the configuration says about spaces.
struct policy {
  std::string instance = "default"; ///< which of an Engine's containers are ours
  std::filesystem::path state_folder;
  std::filesystem::path init_program;
  std::filesystem::path files_program;

  std::string image = "clawdspace/space:latest";
  spaces::profile profile = spaces::profile::standard;
  std::string network = "bridge";
  bytes memory = 2_GiB;          ///< at most what the host has
  nano_cpus cpus{2'000'000'000}; ///< likewise
  std::int64_t pids = 1024;
  std::int64_t open_files = 65'536;
  std::size_t maximum = 1'000; ///< spaces

  milliseconds idle_timeout{900'000}; ///< from the last use to paused; 0: never
  milliseconds stop_after{0};         ///< from paused to stopped; 0: never
  milliseconds time_to_live{0};       ///< 0: no end
  milliseconds stop_grace{5'000};     ///< SIGTERM to SIGKILL
  double busy_percent = 5;            ///< of one core over the last minute: not idle; 0: not looked at
  milliseconds relist_every{60'000};

  bytes output_limit = 4_MiB;    ///< of each output in a buffered answer
  bytes history_limit = 1_MiB;   ///< of the output that is kept of one command
  bytes history_total = 256_MiB; ///< of all that is kept; those that ended first make room
  std::size_t records = 256;     ///< of commands that have ended, per space
  milliseconds drain{
      250}; ///< how long after a command's end its outputs may stay quiet before they are let go
};

} // namespace clawdspace::spaces
