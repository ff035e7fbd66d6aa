#include <clawdspace/api/json.hpp>
#include <clawdspace/api/service.hpp>
#include <clawdspace/version.hpp>

#include <array>
#include <fstream>
#include <sys/statvfs.h>
#include <unistd.h>

namespace clawdspace::api {

namespace json = boost::json;

namespace {

// Files of /proc are memory: reading them does not wait for a disk.
json::array load_average() {
  std::ifstream in("/proc/loadavg");
  std::array<double, 3> load{};
  in >> load[0] >> load[1] >> load[2];
  return {load[0], load[1], load[2]};
}

json::object memory() {
  std::ifstream in("/proc/meminfo");
  json::object found;
  std::string name;
  for (std::int64_t kib = 0; in >> name >> kib; in.ignore(64, '\n')) {
    if (name == "MemTotal:")
      found["total"] = kib * 1024;
    else if (name == "MemAvailable:")
      found["available"] = kib * 1024;
  }
  return found;
}

json::object disk(const std::filesystem::path& where) {
  struct statvfs about{};
  if (::statvfs(where.c_str(), &about) != 0) return {};
  const auto block = static_cast<std::int64_t>(about.f_frsize);
  return {{"total", static_cast<std::int64_t>(about.f_blocks) * block},
          {"available", static_cast<std::int64_t>(about.f_bavail) * block}};
}

std::int64_t uptime() {
  std::ifstream in("/proc/uptime");
  double seconds = 0;
  in >> seconds;
  return static_cast<std::int64_t>(seconds);
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

} // namespace

json::object service::system_now() const {
  const auto& engine = parts_.engine.engine_status();
  const auto& host = parts_.operations.host();
  json::object about{{"reachable", engine.up}, {"address", parts_.docker.where().to_string()}};
  if (!engine.up) about["reason"] = engine.reason.empty() ? "not reached yet" : engine.reason;
  if (host) {
    about["version"] = engine.version.engine;
    about["api"] = engine.version.negotiated;
    about["cpus"] = host->cpus;
    about["memory"] = count(host->memory);
    about["operatingSystem"] = host->operating_system;
    about["kernel"] = host->kernel_version;
    about["cgroupVersion"] = host->cgroup_version;
    about["storageDriver"] = host->storage_driver;
    about["runtime"] = host->default_runtime;
  }
  json::object by_state;
  const auto counts = parts_.known.count_by_state();
  std::size_t all = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    by_state[to_string(static_cast<spaces::space_state>(i))] = counts[i];
    all += counts[i];
  }
  return {
      {"version", version},
      {"host", json::object{{"name", host_name()},
                            {"uptimeSeconds", uptime()},
                            {"cpus", ::sysconf(_SC_NPROCESSORS_ONLN)},
                            {"load", load_average()},
                            {"memory", memory()},
                            {"disk", disk(parts_.operations.rules().state_folder)}}},
      {"engine", std::move(about)},
      {"spaces", json::object{{"total", all}, {"byState", std::move(by_state)}}},
  };
}

} // namespace clawdspace::api
