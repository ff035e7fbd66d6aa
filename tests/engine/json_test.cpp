#include <clawdspace/core/error.hpp>
#include <clawdspace/engine/event_reader.hpp>
#include <clawdspace/engine/json.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

using namespace clawdspace;
using namespace clawdspace::engine;
using namespace std::chrono_literals;

namespace {

/// An answer of Engine 20.10.24, API 1.41.
std::string recorded(const std::string& name) {
  std::ifstream file(std::string(CLAWDSPACE_RECORDED) + "/" + name + ".json");
  if (!file) throw std::runtime_error("no recorded answer " + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

boost::json::value json_of(std::string_view text) { return parse_answer(text, "a test"); }
boost::json::value record(const std::string& name) { return json_of(recorded(name)); }

template <class Read> std::string refusal(Read read) {
  try {
    read();
  } catch (const error& e) {
    CHECK(e.code() == errc::engine_failed);
    return e.what();
  }
  return {};
}

constexpr const char* recorded_id = "ad35958e759ad6b4043c1894d6b69aa92f705b0e7e0855960c14f208b0d6b849";

} // namespace

TEST_CASE("json: a recorded container reads as it was, in each of its states") {
  const auto running = read_container(record("inspect_running"));
  CHECK(running.id == recorded_id);
  CHECK(running.name == "recorded");
  CHECK(running.image == "debian:bookworm-slim");
  CHECK(running.image_id.starts_with("sha256:8270d2034bba"));
  CHECK(running.state == container_state::running);
  CHECK_FALSE(running.paused);
  CHECK(running.pid == 9803);
  CHECK(to_rfc3339(running.created) == "2026-11-24T05:38:51.595Z");
  REQUIRE(running.started);
  CHECK(to_rfc3339(*running.started) == "2026-11-24T05:38:51.984Z");
  CHECK_FALSE(running.finished);
  CHECK(running.labels == string_map{{"a.b", "c=d \" x"}, {"example", "1"}});
  CHECK(running.env == std::vector<std::string>{"A=b"});
  CHECK(count(running.memory) == 67108864);
  CHECK(count(running.memory_swap) == 67108864);
  CHECK(count(running.cpus) == 500'000'000);
  CHECK(running.pids == 64);
  CHECK(running.network_mode == "default");
  CHECK(running.addresses == string_map{{"bridge", "172.17.0.2"}});

  const auto created = read_container(record("inspect_created"));
  CHECK(created.state == container_state::created);
  CHECK(created.pid == 0);
  CHECK_FALSE(created.started);
  CHECK(created.addresses.empty());

  const auto paused = read_container(record("inspect_paused"));
  CHECK(paused.state == container_state::paused);
  CHECK(paused.paused);

  const auto exited = read_container(record("inspect_exited"));
  CHECK(exited.state == container_state::exited);
  CHECK(exited.exit_code == 137);
  CHECK(exited.finished);
}

TEST_CASE("json: lists, stats, versions, images and execs read as they were recorded") {
  const auto list = read_containers(record("list"));
  REQUIRE(list.size() == 1);
  CHECK(list[0].id == recorded_id);
  CHECK(list[0].name == "recorded");
  CHECK(list[0].state == container_state::running);
  CHECK(to_rfc3339(list[0].created) == "2026-11-24T05:38:51.000Z");
  CHECK(list[0].labels.at("example") == "1");

  const auto used = read_stats(record("stats"));
  CHECK(used.cpu_total_ns == 35477468);
  CHECK(used.memory_used == 2834432 - 2199552);
  CHECK(used.memory_limit == 67108864);
  CHECK(used.pids == 1);
  CHECK(used.rx_bytes == 200);
  CHECK(used.tx_bytes == 0);

  const auto spoken = read_version(record("version"));
  CHECK(spoken.engine.starts_with("20.10.24"));
  CHECK(spoken.api == "1.41");
  CHECK(spoken.minimum_api == "1.12");

  const auto host = read_info(record("info"));
  CHECK(host.name == "host");
  CHECK(host.cpus == 2);
  CHECK(count(host.memory) == 25276510208);
  CHECK(host.cgroup_version == "1");
  CHECK(host.storage_driver == "overlay2");
  CHECK(host.default_runtime == "runc");
  CHECK(host.security_options == std::vector<std::string>{"name=seccomp,profile=default"});

  const auto image = read_image(record("image"));
  CHECK(image.id.starts_with("sha256:8270d2034bba"));
  CHECK(image.env.empty());
  CHECK(image.user.empty());

  const auto before = read_exec(record("exec_before"));
  CHECK_FALSE(before.running);
  CHECK_FALSE(before.exit_code); // null is not zero
  const auto after = read_exec(record("exec_after"));
  CHECK(after.exit_code == 3);
  CHECK(after.pid == 9898);
}

TEST_CASE("json: what other API versions leave out or write as null reads as nothing") {
  // 1.40 had no CgroupVersion.
  CHECK(read_info(json_of(R"({"ID":"x","SecurityOptions":null})")).cgroup_version == "1");
  CHECK(read_info(json_of(R"({"CgroupVersion":"2"})")).cgroup_version == "2");
  // 1.44 and later: Config.MacAddress and NetworkSettings' own address are deprecated, then gone (1.52).
  const auto bare = read_container(json_of(
      R"({"Id":"x","Name":"/n","Created":"2026-01-01T00:00:00Z","State":{"Status":"running","ExitCode":null,"Pid":5,)"
      R"("StartedAt":"2026-01-01T00:00:00.5+02:00","FinishedAt":"0001-01-01T00:00:00Z"},)"
      R"("Config":{"Labels":null,"Env":null,"Image":"i"},"HostConfig":{"PidsLimit":null,"NanoCpus":0},)"
      R"("NetworkSettings":{"SandboxKey":"k","Networks":{"a":{"IPAddress":"10.0.0.2"},"b":{"IPAddress":""}}}})"));
  CHECK(bare.labels.empty());
  CHECK(bare.pids == 0);
  CHECK_FALSE(bare.exit_code);
  CHECK_FALSE(bare.finished);
  CHECK(to_rfc3339(bare.started.value()) == "2025-12-31T22:00:00.500Z");
  CHECK(bare.addresses == string_map{{"a", "10.0.0.2"}});
  // 1.52: an image's Config lists only what is set.
  CHECK(read_image(json_of(R"({"Id":"sha256:1","Config":{"User":"1000"}})")).user == "1000");
  CHECK(read_image(json_of(R"({"Id":"sha256:1","Config":null})")).env.empty());
  CHECK(read_warnings(json_of(R"({"Id":"x","Warnings":null})")).empty());
  CHECK(read_warnings(json_of(R"({"Id":"x","Warnings":["no swap"]})")) ==
        std::vector<std::string>{"no swap"});
}

TEST_CASE("json: a container's own name is told from its links, and a state from a word") {
  const auto list =
      read_containers(json_of(R"([{"Id":"a","Names":["/other/alias","/own"],"State":"dead","Created":1},)"
                              R"({"Id":"b","Names":null,"State":"removing","Created":1,"Labels":null}])"));
  CHECK(list.at(0).name == "own");
  CHECK(list.at(1).name.empty());
  CHECK(container_state_from("restarting") == container_state::restarting);
  CHECK(refusal([] { container_state_from("melting"); }).find("melting") != std::string::npos);
}

TEST_CASE(
    "json: memory is what is used without the page cache, on cgroup v1 and v2, as docker stats has it") {
  const auto used = [](const char* stats) {
    return read_stats(json_of(std::string(R"({"memory_stats":)") + stats + "}")).memory_used;
  };
  CHECK(used(R"({"usage":100,"stats":{"total_inactive_file":30,"inactive_file":1}})") == 70);
  CHECK(used(R"({"usage":100,"stats":{"inactive_file":20}})") == 80);
  CHECK(used(R"({"usage":100,"stats":{"inactive_file":200}})") == 100);
  CHECK(used(R"({"usage":100})") == 100);
  CHECK(used("{}") == 0);
  CHECK(read_stats(json_of(R"({"memory_stats":{"limit":18446744073709551615}})")).memory_limit == UINT64_MAX);
  CHECK(read_stats(
            json_of(R"({"networks":{"a":{"rx_bytes":1,"tx_bytes":2},"b":{"rx_bytes":10,"tx_bytes":20}}})"))
            .tx_bytes == 22);
}

TEST_CASE("json: an answer of another shape is refused and the field named") {
  CHECK(refusal([] { parse_answer("{\"a\":", "/info"); }).find("/info") != std::string::npos);
  CHECK(refusal([] { read_info(json_of("[]")); }).find("info") != std::string::npos);
  CHECK(refusal([] { read_info(json_of(R"({"NCPU":"two"})")); }).find("NCPU") != std::string::npos);
  CHECK(refusal([] { read_info(json_of(R"({"NCPU":99999999999})")); }).find("NCPU") != std::string::npos);
  CHECK(refusal([] { read_containers(json_of("{}")); }).find("list") != std::string::npos);
  CHECK(refusal([] {
          read_container(json_of(R"({"State":{"Status":"running","Paused":1}})"));
        }).find("Paused") != std::string::npos);
  CHECK(refusal([] {
          read_container(json_of(R"({"Created":"yesterday","State":{"Status":"running"}})"));
        }).find("Created") != std::string::npos);
  CHECK(refusal([] { read_id(json_of(R"({"Id":""})")); }).find("Id") != std::string::npos);
}

TEST_CASE("json: the words of an error are the Engine's message, or what it said instead") {
  CHECK(error_words(R"({"message":"No such container: x"})") == "No such container: x");
  CHECK(error_words("client version 1.0 is too old\n") == "client version 1.0 is too old");
  CHECK(error_words("<html>502</html>") == "<html>502</html>");
  CHECK(error_words("  ") == "(no words)");
  CHECK(error_words(R"({"message":null})") == R"({"message":null})");
  CHECK(error_words(std::string(100'000, 'x')).size() < 1100);
}

TEST_CASE("json: a container is asked for with all that an image must not decide") {
  const container_spec spec{.image = "i",
                            .entrypoint = {"/init"},
                            .cmd = {"a"},
                            .env = {"K=V"},
                            .user = "0",
                            .hostname = "h",
                            .stop_signal = "SIGTERM",
                            .labels = {{"l", "1"}},
                            .memory = 64_MiB,
                            .cpus = nano_cpus{5},
                            .pids = 7,
                            .ulimits = {{"nofile", 1, 2}},
                            .cap_add = {"CHOWN"},
                            .cap_drop = {"ALL"},
                            .security_opt = {"no-new-privileges"},
                            .network_mode = "bridge",
                            .mounts = {{"/host", "/inside", true}},
                            .tmpfs = {{"/t", "size=1m"}},
                            .log_driver = "none",
                            .runtime = "runc"};
  const auto expected = boost::json::parse(R"({
    "Image":"i","Entrypoint":["/init"],"Cmd":["a"],"Env":["K=V"],"User":"0","Hostname":"h","StopSignal":"SIGTERM",
    "Labels":{"l":"1"},"Healthcheck":{"Test":["NONE"]},
    "HostConfig":{"AutoRemove":false,"Init":false,"PublishAllPorts":false,"RestartPolicy":{"Name":"no"},
      "Memory":67108864,"MemorySwap":67108864,"NanoCpus":5,"PidsLimit":7,
      "Ulimits":[{"Name":"nofile","Soft":1,"Hard":2}],"CapAdd":["CHOWN"],"CapDrop":["ALL"],
      "SecurityOpt":["no-new-privileges"],"NetworkMode":"bridge","Tmpfs":{"/t":"size=1m"},"Runtime":"runc",
      "Mounts":[{"Type":"bind","Source":"/host","Target":"/inside","ReadOnly":true,
                 "BindOptions":{"Propagation":"rprivate"}}],
      "LogConfig":{"Type":"none","Config":{}}}})");
  CHECK(boost::json::value(to_json(spec)) == expected);
  // What is not given is not sent.
  const auto least = to_json(container_spec{.image = "i"});
  for (const auto* name : {"Cmd", "Entrypoint", "WorkingDir", "StopSignal", "User"})
    CHECK_FALSE(least.contains(name));
}

TEST_CASE("json: an update sends what changes, and memory never without its swap") {
  CHECK(boost::json::serialize(to_json(resource_update{})) == "{}");
  CHECK(boost::json::serialize(to_json(resource_update{.memory = 1_MiB})) ==
        R"({"Memory":1048576,"MemorySwap":1048576})");
  CHECK(boost::json::serialize(to_json(resource_update{.cpus = nano_cpus{9}, .pids = 3})) ==
        R"({"NanoCpus":9,"PidsLimit":3})");
}

namespace {

struct told {
  std::vector<engine_event> events;
  std::string failure;
  int left_out = 0;
};

told read_events(const std::string& text, std::size_t piece) {
  event_reader reader;
  told got;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    std::string_view rest = std::string_view(text).substr(at, piece);
    while (!rest.empty()) {
      auto step = reader.feed(rest);
      if (!step) {
        got.failure = step.error().what();
        return got;
      }
      got.left_out += step->left_one_out ? 1 : 0;
      if (step->event) got.events.push_back(std::move(*step->event));
      REQUIRE(step->taken > 0);
      rest.remove_prefix(step->taken);
    }
  }
  return got;
}

} // namespace

TEST_CASE("json: recorded events are read the same however they are cut") {
  const auto text = recorded("events");
  for (const std::size_t piece : {text.size(), std::size_t{1}, std::size_t{7}, std::size_t{512}}) {
    CAPTURE(piece);
    const auto got = read_events(text, piece);
    CHECK(got.failure.empty());
    std::vector<std::string> actions;
    for (const auto& one : got.events) {
      actions.push_back(one.action);
      CHECK(one.type == "container");
      CHECK(one.actor_id == recorded_id);
      CHECK(one.attributes.at("example") == "1");
    }
    CHECK(actions == std::vector<std::string>{"create", "start", "exec_create", "exec_start", "exec_die",
                                              "pause", "unpause", "kill", "kill", "die", "stop", "destroy"});
    REQUIRE(got.events.size() == 12);
    CHECK(got.events[4].attributes.at("exitCode") == "3");
    CHECK(got.events[0].time_ns == 1795498731610588782);
  }
}

TEST_CASE("json: events of older and newer Engines read alike, with line feeds between them or without") {
  const std::string newer =
      R"({"Type":"container","Action":"health_status: healthy","Actor":{"ID":"x","Attributes":null},"time":5,"timeNano":5000000001})";
  const std::string older = R"({"status":"die","id":"x","from":"i","time":5})";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}}) {
    const auto got = read_events(newer + older + "\r\n\n" + newer, piece);
    CHECK(got.failure.empty());
    REQUIRE(got.events.size() == 3);
    CHECK(got.events[0].action == "health_status");
    CHECK(got.events[0].time_ns == 5000000001);
    CHECK(got.events[1].action == "die");
    CHECK(got.events[1].actor_id == "x");
    CHECK(got.events[1].time_ns == 5'000'000'000);
  }
}

TEST_CASE("json: an event beyond the limit is left out and told, the next one is read") {
  const std::string good = R"({"Type":"container","Action":"die","Actor":{"ID":"x"}})";
  const auto huge = R"({"Type":"container","Action":"start","Actor":{"Attributes":{"l":")" +
                    std::string(event_reader::longest, 'x') + "\"}}}\n";
  for (const std::size_t piece : {std::size_t{1000}, std::size_t{1} << 22}) {
    const auto got = read_events(good + "\n" + huge + good + "\n", piece);
    CHECK(got.failure.empty());
    CHECK(got.left_out == 1);
    REQUIRE(got.events.size() == 2);
  }
  CHECK_FALSE(read_events("{]", 1).failure.empty());
  CHECK_FALSE(read_events("[1]\n", 1).failure.empty());
}
