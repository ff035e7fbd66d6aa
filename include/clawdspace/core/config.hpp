#pragma once

#include <clawdspace/core/clock.hpp>
#include <clawdspace/core/units.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace clawdspace {

/// Everything that can be configured; config/clawdspace.toml explains each key. Defaults here are the file's.
struct configuration {
  struct {
    std::string listen = "127.0.0.1";
    std::int64_t port = 7070;
    std::string api_key;
    std::filesystem::path key_file;
    std::filesystem::path static_dir;
    std::int64_t max_connections = 10'000;
    bytes head_limit = 64_KiB;
    bytes body_limit = 16_MiB;
    milliseconds idle_timeout{75'000};
    milliseconds drain{10'000};
  } server;

  struct {
    std::string host;
    milliseconds call_timeout{30'000};
    milliseconds slow_call_timeout{120'000};
  } engine;

  struct {
    std::string instance = "default";
    std::string image = "clawdspace/space:latest";
    std::string profile = "standard";
    std::string network = "bridge";
    bytes memory = 2_GiB;
    nano_cpus cpus{2'000'000'000};
    std::int64_t pids = 1'024;
    std::int64_t open_files = 65'536;
    std::int64_t max = 1'000;
    milliseconds idle_timeout{900'000};
    milliseconds stop_after{0};
    milliseconds ttl{0};
    milliseconds stop_grace{5'000};
    double busy_percent = 5;
    milliseconds relist{60'000};
  } spaces;

  struct {
    std::string backend = "door";
    bytes output_limit = 4_MiB;
    milliseconds drain{250};
    bytes history_limit = 1_MiB;
    bytes history_total = 256_MiB;
    std::int64_t records = 256;
  } exec;

  struct {
    std::filesystem::path dir = ".state/daemon";
    std::filesystem::path init;
    std::filesystem::path files;
  } state;

  struct {
    std::string format = "text";
    std::string level = "info";
  } log;
};

/// Puts a TOML file's values over `into`. Throws errc::invalid_field telling file, line and key, for unknown
/// keys, wrong types and impossible values.
void read_config(configuration& into, const std::filesystem::path& file);

/// Puts PORT, API_KEY, IDLE_TIMEOUT_MS, CLAWDSPACE_IMAGE and DOCKER_HOST over it. Throws errc::invalid_field
/// naming the variable.
void read_environment(configuration& into, const std::function<const char*(const char*)>& variable);

/// Sets one key, `section.key`, from text: what a flag gives. Throws errc::invalid_field.
void set_config(configuration& into, std::string_view key, std::string_view value);

} // namespace clawdspace
