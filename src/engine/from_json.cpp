#include <clawdspace/core/error.hpp>
#include <clawdspace/engine/json.hpp>

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace clawdspace::engine {

namespace json = boost::json;

namespace {

[[noreturn]] void unexpected(std::string_view name, std::string_view wanted) {
  throw error(errc::engine_failed, fmt::format("the Engine's answer has a {} that is not {}", name, wanted));
}

/// The member, or nothing where it is absent or null.
const json::value* member(const json::object& from, std::string_view name) {
  const auto* found = from.if_contains(json::string_view(name.data(), name.size()));
  return found == nullptr || found->is_null() ? nullptr : found;
}

const json::object& as_object(const json::value& from, std::string_view name) {
  if (!from.is_object()) unexpected(name, "an object");
  return from.get_object();
}

const json::object& object(const json::object& from, std::string_view name) {
  static const json::object nothing;
  const auto* found = member(from, name);
  return found == nullptr ? nothing : as_object(*found, name);
}

std::string as_text(const json::value& from, std::string_view name) {
  if (!from.is_string()) unexpected(name, "a text");
  return {from.get_string().data(), from.get_string().size()};
}

std::string text(const json::object& from, std::string_view name) {
  const auto* found = member(from, name);
  return found == nullptr ? std::string() : as_text(*found, name);
}

template <class Number> std::optional<Number> maybe_number(const json::object& from, std::string_view name) {
  const auto* found = member(from, name);
  if (found == nullptr) return {};
  json::error_code ec;
  const auto read = found->to_number<Number>(ec);
  if (ec) unexpected(name, "a number in its range");
  return read;
}

template <class Number = std::int64_t> Number number(const json::object& from, std::string_view name) {
  return maybe_number<Number>(from, name).value_or(0);
}

bool flag(const json::object& from, std::string_view name) {
  const auto* found = member(from, name);
  if (found == nullptr) return false;
  if (!found->is_bool()) unexpected(name, "true or false");
  return found->get_bool();
}

std::vector<std::string> texts(const json::object& from, std::string_view name) {
  std::vector<std::string> read;
  const auto* found = member(from, name);
  if (found == nullptr) return read;
  if (!found->is_array()) unexpected(name, "a list");
  for (const auto& one : found->get_array()) read.push_back(as_text(one, name));
  return read;
}

string_map map(const json::object& from, std::string_view name) {
  string_map read;
  for (const auto& [key, value] : object(from, name))
    read.emplace(std::string(key.data(), key.size()), as_text(value, name));
  return read;
}

std::string without_slash(std::string name) {
  if (name.starts_with('/')) name.erase(0, 1);
  return name;
}

/// Go's zero time is how the Engine writes "never".
std::optional<time_point> time(const json::object& from, std::string_view name) {
  const auto written = text(from, name);
  if (written.empty() || written.starts_with("0001-01-01T")) return {};
  try {
    return from_rfc3339(written);
  } catch (const error&) {
    unexpected(name, "a time");
  }
}

/// A link shows as `/other/alias`; the name of its own has one slash.
std::string own_name(const json::object& from) {
  auto names = texts(from, "Names");
  const auto own =
      std::find_if(names.begin(), names.end(), [](const auto& name) { return name.rfind('/') == 0; });
  if (own != names.end()) return without_slash(std::move(*own));
  return names.empty() ? std::string() : without_slash(std::move(names.front()));
}

} // namespace

json::value parse_answer(std::string_view text, std::string_view what) {
  json::error_code ec;
  auto parsed = json::parse(json::string_view(text.data(), text.size()), ec);
  if (ec)
    throw error(errc::engine_failed,
                fmt::format("the Engine's answer to {} is not JSON: {}", what, ec.message()));
  return parsed;
}

std::string error_words(std::string_view body) {
  json::error_code ec;
  const auto parsed = json::parse(json::string_view(body.data(), body.size()), ec);
  if (!ec && parsed.is_object())
    if (const auto* found = member(parsed.get_object(), "message"); found != nullptr && found->is_string())
      return as_text(*found, "message");
  constexpr std::size_t longest = 1024;
  constexpr std::string_view space = " \t\r\n";
  const auto first = body.find_first_not_of(space);
  if (first == std::string_view::npos) return "(no words)";
  body = body.substr(first, body.find_last_not_of(space) - first + 1);
  return body.size() <= longest ? std::string(body) : fmt::format("{}…", body.substr(0, longest));
}

container_state container_state_from(std::string_view word) {
  using enum container_state;
  constexpr std::pair<std::string_view, container_state> states[] = {
      {"created", created},   {"running", running}, {"paused", paused}, {"restarting", restarting},
      {"removing", removing}, {"exited", exited},   {"dead", dead},
  };
  for (const auto& [name, state] : states)
    if (name == word) return state;
  throw error(errc::engine_failed, fmt::format("the Engine has a container in the state \"{}\"", word));
}

version read_version(const json::value& from) {
  const auto& top = as_object(from, "version");
  return {.engine = text(top, "Version"),
          .api = text(top, "ApiVersion"),
          .minimum_api = text(top, "MinAPIVersion"),
          .negotiated = {}};
}

info read_info(const json::value& from) {
  const auto& top = as_object(from, "info");
  info read{
      .id = text(top, "ID"),
      .name = text(top, "Name"),
      .operating_system = text(top, "OperatingSystem"),
      .kernel_version = text(top, "KernelVersion"),
      .cgroup_version = text(top, "CgroupVersion"),
      .storage_driver = text(top, "Driver"),
      .default_runtime = text(top, "DefaultRuntime"),
      .cpus = number<int>(top, "NCPU"),
      .memory = bytes{number(top, "MemTotal")},
      .security_options = texts(top, "SecurityOptions"),
      .containers_running = number(top, "ContainersRunning"),
  };
  if (read.cgroup_version.empty()) read.cgroup_version = "1"; // before 1.41 there was no other
  return read;
}

std::vector<container_summary> read_containers(const json::value& from) {
  if (!from.is_array()) unexpected("list of containers", "a list");
  std::vector<container_summary> read;
  read.reserve(from.get_array().size());
  for (const auto& one : from.get_array()) {
    const auto& top = as_object(one, "container");
    read.push_back({
        .id = text(top, "Id"),
        .name = own_name(top),
        .image = text(top, "Image"),
        .state = container_state_from(text(top, "State")),
        .created = time_point(std::chrono::seconds(number(top, "Created"))),
        .labels = map(top, "Labels"),
    });
  }
  return read;
}

container_detail read_container(const json::value& from) {
  const auto& top = as_object(from, "container");
  const auto& state = object(top, "State");
  const auto& config = object(top, "Config");
  const auto& host = object(top, "HostConfig");
  container_detail read{
      .id = text(top, "Id"),
      .name = without_slash(text(top, "Name")),
      .image = text(config, "Image"),
      .image_id = text(top, "Image"),
      .state = container_state_from(text(state, "Status")),
      .paused = flag(state, "Paused"),
      .pid = number<int>(state, "Pid"),
      .exit_code = maybe_number<int>(state, "ExitCode"),
      .oom_killed = flag(state, "OOMKilled"),
      .state_error = text(state, "Error"),
      .created = time(top, "Created").value_or(time_point{}),
      .started = time(state, "StartedAt"),
      .finished = time(state, "FinishedAt"),
      .labels = map(config, "Labels"),
      .env = texts(config, "Env"),
      .user = text(config, "User"),
      .working_dir = text(config, "WorkingDir"),
      .memory = bytes{number(host, "Memory")},
      .memory_swap = bytes{number(host, "MemorySwap")},
      .cpus = nano_cpus{number(host, "NanoCpus")},
      .pids = number(host, "PidsLimit"),
      .network_mode = text(host, "NetworkMode"),
      .addresses = {},
  };
  // The address at the top of NetworkSettings is gone since 1.52.
  for (const auto& [key, value] : object(object(top, "NetworkSettings"), "Networks"))
    if (auto address = text(as_object(value, "network"), "IPAddress"); !address.empty())
      read.addresses.emplace(std::string(key.data(), key.size()), std::move(address));
  return read;
}

image_detail read_image(const json::value& from) {
  const auto& top = as_object(from, "image");
  const auto& config = object(top, "Config");
  return {
      .id = text(top, "Id"),
      .user = text(config, "User"),
      .working_dir = text(config, "WorkingDir"),
      .env = texts(config, "Env"),
      .labels = map(config, "Labels"),
  };
}

exec_detail read_exec(const json::value& from) {
  const auto& top = as_object(from, "exec");
  return {
      .running = flag(top, "Running"),
      .exit_code = maybe_number<int>(top, "ExitCode"),
      .pid = number<int>(top, "Pid"),
  };
}

stats read_stats(const json::value& from) {
  const auto& top = as_object(from, "stats");
  const auto& memory = object(top, "memory_stats");
  const auto& detail = object(memory, "stats");
  stats read{
      .cpu_total_ns = number<std::uint64_t>(object(object(top, "cpu_stats"), "cpu_usage"), "total_usage"),
      .memory_used = number<std::uint64_t>(memory, "usage"),
      .memory_limit = number<std::uint64_t>(memory, "limit"),
      .pids = number<std::uint64_t>(object(top, "pids_stats"), "current"),
  };
  // As the docker CLI has it: the first is cgroup v1's, the second v2's (and there is no other with that
  // sum).
  const auto v1 = maybe_number<std::uint64_t>(detail, "total_inactive_file");
  const auto droppable = v1 ? *v1 : number<std::uint64_t>(detail, "inactive_file");
  if (droppable < read.memory_used) read.memory_used -= droppable;
  for (const auto& [name, value] : object(top, "networks")) {
    const auto& network = as_object(value, "network");
    read.rx_bytes += number<std::uint64_t>(network, "rx_bytes");
    read.tx_bytes += number<std::uint64_t>(network, "tx_bytes");
  }
  return read;
}

engine_event read_event(const json::value& from) {
  const auto& top = as_object(from, "event");
  const auto& actor = object(top, "Actor");
  engine_event read{
      .type = text(top, "Type"),
      .action = text(top, "Action"),
      .actor_id = text(actor, "ID"),
      .attributes = map(actor, "Attributes"),
      .time_ns = number(top, "timeNano"),
  };
  // The fields of the first API, absent since 1.52.
  if (read.action.empty()) read.action = text(top, "status");
  if (read.actor_id.empty()) read.actor_id = text(top, "id");
  if (read.time_ns == 0) {
    const auto seconds = number(top, "time");
    if (seconds > std::numeric_limits<std::int64_t>::max() / 1'000'000'000 || seconds < 0)
      unexpected("time", "a time");
    read.time_ns = seconds * 1'000'000'000;
  }
  read.action.resize(std::min(read.action.find(':'), read.action.size()));
  return read;
}

path_stat read_path_stat(const json::value& from) {
  const auto& about = as_object(from, "answer");
  return {.size = number(about, "size"),
          .mode = number<std::uint32_t>(about, "mode"),
          .mtime = text(about, "mtime"),
          .link_target = text(about, "linkTarget")};
}

std::string read_id(const json::value& from) {
  auto id = text(as_object(from, "answer"), "Id");
  if (id.empty()) unexpected("Id", "there");
  return id;
}

std::vector<std::string> read_warnings(const json::value& from) {
  return texts(as_object(from, "answer"), "Warnings");
}

} // namespace clawdspace::engine
