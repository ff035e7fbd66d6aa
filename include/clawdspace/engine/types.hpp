#pragma once

#include <clawdspace/core/clock.hpp>
#include <clawdspace/core/units.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

// Shapes of the Engine API, 1.40 to today, reduced to what is used. Names follow the API's own.

namespace clawdspace::engine {

using string_map = std::map<std::string, std::string, std::less<>>;

/// GET /version and /_ping.
struct version {
  std::string engine;      ///< `20.10.24`
  std::string api;         ///< the newest that the Engine speaks: `1.41`
  std::string minimum_api; ///< the oldest
  std::string negotiated;  ///< what the client uses from here on
};

/// GET /info.
struct info {
  std::string id;
  std::string name;
  std::string operating_system;
  std::string kernel_version;
  std::string cgroup_version; ///< "1" or "2"
  std::string storage_driver;
  std::string default_runtime;
  int cpus = 0;
  bytes memory{};
  std::vector<std::string> security_options; ///< `name=seccomp,profile=default`, `name=rootless` …
  std::int64_t containers_running = 0;
};

enum class container_state { created, running, paused, restarting, removing, exited, dead };
/// Throws clawdspace::error (engine_failed) for a word that the API does not have.
container_state container_state_from(std::string_view word);

/// One of GET /containers/json.
struct container_summary {
  std::string id;
  std::string name; ///< without the leading slash
  std::string image;
  container_state state = container_state::created;
  time_point created;
  string_map labels;
};

/// GET /containers/{id}/json.
struct container_detail {
  std::string id;
  std::string name;
  std::string image;    ///< as it was asked for
  std::string image_id; ///< `sha256:…`
  container_state state = container_state::created;
  bool paused = false;
  int pid = 0; ///< of PID 1, on the host; 0 when it does not run
  std::optional<int> exit_code;
  bool oom_killed = false;
  std::string state_error; ///< why the last start failed
  time_point created;
  std::optional<time_point> started;
  std::optional<time_point> finished;
  string_map labels;
  std::vector<std::string> env;
  std::string user;
  std::string working_dir;
  bytes memory{}; ///< 0: no limit
  bytes memory_swap{};
  nano_cpus cpus{}; ///< 0: no limit
  std::int64_t pids = 0;
  std::string network_mode;
  string_map addresses; ///< IPv4 by network, of those that have one
};

/// GET /images/{name}/json.
struct image_detail {
  std::string id;
  std::string user;
  std::string working_dir;
  std::vector<std::string> env;
  string_map labels;
};

struct mount {
  std::string source;
  std::string target;
  bool read_only = true;
};

struct ulimit {
  std::string name;
  std::int64_t soft = 0;
  std::int64_t hard = 0;
};

/// POST /containers/create.
struct container_spec {
  std::string image;
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::vector<std::string> env; ///< `K=V`
  std::string user;
  std::string hostname;
  std::string working_dir; ///< empty: the image's
  std::string stop_signal;
  string_map labels;
  bytes memory{}; ///< with memory_swap the same: no swap beyond it
  nano_cpus cpus{};
  std::int64_t pids = 0;
  std::vector<ulimit> ulimits;
  std::vector<std::string> cap_add;
  std::vector<std::string> cap_drop;
  std::vector<std::string> security_opt;
  std::string network_mode; ///< `bridge`, `none`, a network's name
  std::vector<mount> mounts;
  string_map tmpfs;
  std::string log_driver; ///< `none`, or `json-file` with options
  string_map log_options;
  std::string runtime; ///< empty: the Engine's default
};
// Always sent with it: Init false, AutoRemove false, no restart policy, Healthcheck {"Test":["NONE"]}, no
// published ports, no anonymous volumes kept (the image's VOLUME makes them: remove takes them along).

/// POST /containers/{id}/update: only what is set.
struct resource_update {
  std::optional<bytes> memory; ///< memory_swap goes along
  std::optional<nano_cpus> cpus;
  std::optional<std::int64_t> pids;
};

/// POST /containers/{id}/exec.
struct exec_spec {
  std::vector<std::string> cmd;
  std::vector<std::string> env;
  std::string user;
  std::string working_dir;
  bool attach_stdin = false;
  bool attach_stdout = true;
  bool attach_stderr = true;
  bool tty = false;
};

/// GET /exec/{id}/json.
struct exec_detail {
  bool running = false;
  std::optional<int> exit_code; ///< null is not zero
  int pid = 0;                  ///< on the host
};

/// HEAD /containers/{id}/archive: what stands at a path, links not followed.
struct path_stat {
  std::int64_t size = 0;
  std::uint32_t mode = 0;  ///< as Go's os.FileMode has it: permissions, and marks from the top
  std::string mtime;       ///< RFC 3339
  std::string link_target; ///< of a link: where it leads in the end, absolute in the container
};
inline constexpr std::uint32_t mode_folder = 1U << 31;
inline constexpr std::uint32_t mode_link = 1U << 27;
inline constexpr std::uint32_t mode_other = 1U << 26 | 1U << 25 | 1U << 24 | 1U << 21 | 1U << 19; ///< no file

/// GET /containers/{id}/stats?stream=false&one-shot=true.
struct stats {
  std::uint64_t cpu_total_ns = 0;
  std::uint64_t memory_used = 0; ///< without the page cache that can be dropped
  std::uint64_t memory_limit = 0;
  std::uint64_t pids = 0;
  std::uint64_t rx_bytes = 0;
  std::uint64_t tx_bytes = 0;
};

/// One of GET /events.
struct engine_event {
  std::string type;   ///< `container`
  std::string action; ///< `start`, `die`, `pause` … (what follows a colon is cut off)
  std::string actor_id;
  string_map attributes; ///< `name`, the labels, `exitCode`, `execID` …
  std::int64_t time_ns = 0;
};

} // namespace clawdspace::engine
