#include <clawdspace/engine/json.hpp>

#include <boost/json/array.hpp>

namespace clawdspace::engine {

namespace json = boost::json;

namespace {

json::array list(const std::vector<std::string>& from) {
  json::array made;
  for (const auto& one : from) made.emplace_back(one);
  return made;
}

json::object map(const string_map& from) {
  json::object made;
  for (const auto& [name, value] : from) made[name] = value;
  return made;
}

void set_unless_empty(json::object& into, std::string_view name, const std::string& value) {
  if (!value.empty()) into[json::string_view(name.data(), name.size())] = value;
}

void set_unless_empty(json::object& into, std::string_view name, const std::vector<std::string>& value) {
  if (!value.empty()) into[json::string_view(name.data(), name.size())] = list(value);
}

/// Together, so that there is no swap beyond the memory; and the Engine refuses more memory than MemorySwap.
void set_memory(json::object& into, bytes memory) {
  into["Memory"] = count(memory);
  into["MemorySwap"] = count(memory);
}

json::object host_config(const container_spec& spec) {
  json::object host{
      // said, and not left to the Engine's configuration or to the image
      {"AutoRemove", false},
      {"Init", false},
      {"PublishAllPorts", false},
      {"RestartPolicy", json::object{{"Name", "no"}}},
  };
  if (count(spec.memory) != 0) set_memory(host, spec.memory);
  if (count(spec.cpus) != 0) host["NanoCpus"] = count(spec.cpus);
  if (spec.pids != 0) host["PidsLimit"] = spec.pids;
  set_unless_empty(host, "CapAdd", spec.cap_add);
  set_unless_empty(host, "CapDrop", spec.cap_drop);
  set_unless_empty(host, "SecurityOpt", spec.security_opt);
  set_unless_empty(host, "NetworkMode", spec.network_mode);
  set_unless_empty(host, "Runtime", spec.runtime);
  if (!spec.tmpfs.empty()) host["Tmpfs"] = map(spec.tmpfs);
  if (!spec.log_driver.empty())
    host["LogConfig"] = json::object{{"Type", spec.log_driver}, {"Config", map(spec.log_options)}};
  json::array ulimits;
  for (const auto& one : spec.ulimits)
    ulimits.push_back(json::object{{"Name", one.name}, {"Soft", one.soft}, {"Hard", one.hard}});
  if (!ulimits.empty()) host["Ulimits"] = std::move(ulimits);
  json::array mounts;
  for (const auto& one : spec.mounts)
    mounts.push_back(json::object{{"Type", "bind"},
                                  {"Source", one.source},
                                  {"Target", one.target},
                                  {"ReadOnly", one.read_only},
                                  {"BindOptions", json::object{{"Propagation", "rprivate"}}}});
  if (!mounts.empty()) host["Mounts"] = std::move(mounts);
  return host;
}

} // namespace

json::object to_json(const container_spec& spec) {
  json::object made{
      {"Image", spec.image},
      {"Labels", map(spec.labels)},
      {"Healthcheck", json::object{{"Test", json::array{"NONE"}}}},
      {"HostConfig", host_config(spec)},
  };
  set_unless_empty(made, "Entrypoint", spec.entrypoint); // with it the image's Cmd is left out too
  set_unless_empty(made, "Cmd", spec.cmd);
  set_unless_empty(made, "Env", spec.env);
  set_unless_empty(made, "User", spec.user);
  set_unless_empty(made, "Hostname", spec.hostname);
  set_unless_empty(made, "WorkingDir", spec.working_dir);
  set_unless_empty(made, "StopSignal", spec.stop_signal);
  return made;
}

json::object to_json(const resource_update& change) {
  json::object made;
  if (change.memory) set_memory(made, *change.memory);
  if (change.cpus) made["NanoCpus"] = count(*change.cpus);
  if (change.pids) made["PidsLimit"] = *change.pids;
  return made;
}

json::object to_json(const exec_spec& spec) {
  json::object made{
      {"AttachStdin", spec.attach_stdin},
      {"AttachStdout", spec.attach_stdout},
      {"AttachStderr", spec.attach_stderr},
      {"Tty", spec.tty},
      {"Cmd", list(spec.cmd)},
  };
  set_unless_empty(made, "Env", spec.env);
  set_unless_empty(made, "User", spec.user);
  set_unless_empty(made, "WorkingDir", spec.working_dir);
  return made;
}

} // namespace clawdspace::engine
