#include <clawdspace/space/folders.hpp>
#include <clawdspace/space/labels.hpp>
#include <clawdspace/space/sleep_rules.hpp>

#include <asio/io_context.hpp>
#include <doctest/doctest.h>

#include <support/folder.hpp>
#include <sys/stat.h>

using namespace clawdspace;
using namespace clawdspace::spaces;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

struct one_space {
  asio::io_context loop{1};
  space s{loop.get_executor(), identity{.id = "0badcafe",
                                        .name = "a",
                                        .image = "image:1",
                                        .profile = profile::strict,
                                        .network = "none",
                                        .image_user = "node",
                                        .image_work_dir = "/srv",
                                        .created = from_rfc3339("2026-01-31T08:00:00.250Z")}};
  one_space() {
    s.limits = {.memory = 1_GiB, .cpus = nano_cpus{500'000'000}, .pids = 99};
    s.settings = {.idle_timeout = 0ms, .time_to_live = 60s, .metadata = {{"owner", "a \"b\"\n"}, {"", ""}}};
  }
};

engine::container_summary container_of(string_map labels) {
  return {.id = "c",
          .name = "clawdspace-a",
          .image = "image:1",
          .state = engine::container_state::running,
          .created = from_rfc3339("2026-01-31T08:00:00Z"),
          .labels = std::move(labels)};
}

} // namespace

TEST_CASE("what labels were written is read back") {
  const one_space t;
  const auto labels = to_labels(t.s, "mine");
  CHECK(labels.at("clawdspace.instance") == "mine");
  CHECK(instance_label("mine") == "clawdspace.instance=mine");
  CHECK(container_name("a") == "clawdspace-a");
  const auto read = from_labels(container_of(labels));
  REQUIRE(read);
  CHECK(read->self.id == t.s.self.id);
  CHECK(read->self.name == "a");
  CHECK(read->self.image == "image:1");
  CHECK(read->self.profile == profile::strict);
  CHECK(read->self.network == "none");
  CHECK(read->self.image_user == "node");
  CHECK(read->self.image_work_dir == "/srv");
  CHECK(to_rfc3339(read->self.created) == "2026-01-31T08:00:00.250Z");
  CHECK(read->limits.memory == 1_GiB);
  CHECK(count(read->limits.cpus) == 500'000'000);
  CHECK(read->limits.pids == 99);
  CHECK(read->settings.idle_timeout == 0ms);
  CHECK(read->settings.time_to_live == 60s);
  CHECK(read->settings.metadata == t.s.settings.metadata);
}

TEST_CASE("what follows the configuration has no label, and still follows it when it is read") {
  one_space t;
  t.s.settings = {};
  const auto labels = to_labels(t.s, "mine");
  CHECK_FALSE(labels.contains("clawdspace.idle-timeout-ms"));
  const auto read = from_labels(container_of(labels));
  REQUIRE(read);
  CHECK_FALSE(read->settings.idle_timeout);
  CHECK_FALSE(read->settings.time_to_live);
  CHECK(read->settings.metadata.empty());
}

TEST_CASE("labels that are not a space's are refused") {
  const one_space t;
  for (const auto& [label, value] : std::initializer_list<std::pair<const char*, std::string>>{
           {"id", ""},
           {"id", "../../etc"},
           {"id", "0BADCAFE"},
           {"id", "0badcafe\n"},
           {"name", ""},
           {"name", "A"},
           {"name", "../x"},
           {"name", std::string(57, 'a')},
           {"profile", ""},
           {"profile", "root"},
       }) {
    CAPTURE(label);
    CAPTURE(value);
    auto labels = to_labels(t.s, "mine");
    labels["clawdspace." + std::string(label)] = value;
    CHECK_FALSE(from_labels(container_of(labels)));
    labels.erase("clawdspace." + std::string(label));
    CHECK_FALSE(from_labels(container_of(labels)));
  }
  CHECK_FALSE(from_labels(container_of({})));
}

TEST_CASE("values that nobody would have written count as not there") {
  one_space t;
  auto labels = to_labels(t.s, "mine");
  for (const auto* bad : {"", "-1", "x", "1.5", "99999999999999999999", " 1"}) {
    CAPTURE(bad);
    for (const auto* name : {"memory", "nano-cpus", "pids", "idle-timeout-ms", "ttl-ms"})
      labels["clawdspace." + std::string(name)] = bad;
    const auto read = from_labels(container_of(labels));
    REQUIRE(read);
    CHECK(count(read->limits.memory) == 0);
    CHECK(read->limits.pids == 0);
    CHECK_FALSE(read->settings.idle_timeout);
    CHECK_FALSE(read->settings.time_to_live);
  }
  for (const auto* bad : {"", "{", "[]", "null", "\"x\"", "{\"a\":", "\xff"}) {
    CAPTURE(bad);
    labels["clawdspace.metadata"] = bad;
    const auto read = from_labels(container_of(labels));
    REQUIRE(read);
    CHECK(read->settings.metadata.empty());
  }
  labels["clawdspace.metadata"] = R"({"a":"b","c":1,"d":null})";
  CHECK(from_labels(container_of(labels))->settings.metadata == string_map{{"a", "b"}});
}

TEST_CASE("a time in a label that lies beyond all clocks is none") {
  one_space t;
  auto labels = to_labels(t.s, "mine");
  for (const auto* bad : {"", "yesterday", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"}) {
    CAPTURE(bad);
    labels["clawdspace.created"] = bad;
    const auto odd = from_labels(container_of(labels));
    REQUIRE(odd);
    CHECK(to_rfc3339(odd->self.created) == "2026-01-31T08:00:00.000Z"); // the Engine's own
  }
  labels["clawdspace.ttl-ms"] = labels["clawdspace.idle-timeout-ms"] = "9223372036854775807";
  const auto read = from_labels(container_of(labels));
  REQUIRE(read);
  t.s.settings = read->settings;
  t.s.self.created = t.s.last_used = read->self.created;
  t.s.state = space_state::running;
  const policy rules;
  CHECK_FALSE(expires_at(t.s, rules));
  CHECK(sleeps_at(t.s, rules) == t.s.last_used + rules.idle_timeout);
}

TEST_CASE("each state of a container is one of a space") {
  using engine::container_state;
  CHECK(to_space_state(container_state::running) == space_state::running);
  CHECK(to_space_state(container_state::paused) == space_state::paused);
  CHECK(to_space_state(container_state::removing) == space_state::destroying);
  for (const auto s : {container_state::created, container_state::restarting, container_state::exited,
                       container_state::dead})
    CHECK(to_space_state(s) == space_state::stopped);
}

// --- the state folder ---

namespace {

struct state_folder {
  test::folder here;
  space_programs programs{.init = here.write("init-program", "#!init 1"),
                          .files = here.write("files-program", "#!files 1")};
  fs::path root = here.path() / "deep" / "state";
};

mode_t mode_of(const fs::path& path) {
  struct stat about{};
  return ::stat(path.c_str(), &about) == 0 ? about.st_mode & 07777 : 0;
}

} // namespace

TEST_CASE("a space's mount holds the init program, and stays what it is") {
  const state_folder t;
  const folders state(t.root, t.programs);
  const auto door = state.prepare("abc");
  CHECK(door == state.root() / "spaces" / "abc" / "door");
  CHECK(test::content_of(door / "init") == "#!init 1");
  CHECK(mode_of(door / "init") == 0755);
  CHECK(mode_of(door) == 0711); // another uid may look its init up, and list nothing
  struct stat before{};
  struct stat after{};
  REQUIRE(::stat(door.c_str(), &before) == 0);
  CHECK(state.prepare("abc") == door);
  REQUIRE(::stat(door.c_str(), &after) == 0);
  CHECK(before.st_ino == after.st_ino);
  state.remove("abc");
  CHECK_FALSE(fs::exists(state.root() / "spaces" / "abc"));
  state.remove("abc"); // gone is gone
}

TEST_CASE("a new files program is under an old space as soon as its mount is looked after") {
  state_folder t;
  fs::path door;
  {
    const folders state(t.root, t.programs);
    door = state.prepare("old");
    CHECK(test::content_of(door / "files") == "#!files 1");
    CHECK(mode_of(door / "files") == 0755);
    fs::remove(door / "files"); // a space of a daemon that had none
    state.prepare("old");
    CHECK(test::content_of(door / "files") == "#!files 1");
  }
  t.here.write("files-program", "#!files 2");
  t.here.write("state-is-torn", "");
  const folders state(t.root, t.programs);
  fs::copy_file(t.here.path() / "state-is-torn", door / "files.new"); // what a crash in between leaves
  state.prepare("old");
  CHECK(test::content_of(door / "files") == "#!files 2");
  CHECK_FALSE(fs::exists(door / "files.new"));
}

TEST_CASE("a new init program does not change what an old space runs") {
  state_folder t;
  fs::path door;
  {
    const folders state(t.root, t.programs);
    door = state.prepare("old");
  }
  t.here.write("init-program", "#!init 2");
  const folders state(t.root, t.programs);
  CHECK(test::content_of(door / "init") == "#!init 1");
  state.prepare("old");
  CHECK(test::content_of(door / "init") == "#!init 1");
  CHECK(test::content_of(state.prepare("new") / "init") == "#!init 2");
}

TEST_CASE("one state folder has one daemon, and a failed start holds nothing") {
  const state_folder t;
  CHECK_THROWS_AS(folders(t.root, {.init = t.here.path() / "missing", .files = t.programs.files}),
                  std::system_error);
  {
    const folders first(t.root, t.programs);
    CHECK_THROWS_WITH_AS(folders(t.root, t.programs), doctest::Contains("another clawdspaced uses"),
                         std::runtime_error);
  }
  CHECK_NOTHROW(folders(t.root, t.programs));
}

TEST_CASE("settings are read back as they were written, following the configuration included") {
  const state_folder t;
  const folders state(t.root, t.programs);
  one_space written;
  state.prepare(written.s.self.id);
  state.write_settings(written.s);
  CHECK(mode_of(state.root() / "spaces" / written.s.self.id / "settings.json") == 0600);
  one_space read;
  read.s.limits = {};
  read.s.settings = {.metadata = {{"old", "one"}}};
  state.read_settings(read.s);
  CHECK(read.s.limits.memory == 1_GiB);
  CHECK(count(read.s.limits.cpus) == 500'000'000);
  CHECK(read.s.limits.pids == 99);
  CHECK(read.s.settings.idle_timeout == 0ms);
  CHECK(read.s.settings.time_to_live == 60s);
  CHECK(read.s.settings.metadata == written.s.settings.metadata);

  written.s.settings = {};
  state.write_settings(written.s);
  read.s.settings.idle_timeout = 1s; // as a label may still say
  state.read_settings(read.s);
  CHECK_FALSE(read.s.settings.idle_timeout);
  CHECK_FALSE(read.s.settings.time_to_live);
  CHECK(read.s.settings.metadata.empty());
}

TEST_CASE("without a settings file, or with a broken one, the first settings hold") {
  const state_folder t;
  const folders state(t.root, t.programs);
  one_space read;
  state.read_settings(read.s);
  CHECK(read.s.settings.time_to_live == 60s);
  state.prepare(read.s.self.id);
  const auto file = fs::path("deep/state/spaces") / read.s.self.id / "settings.json";
  for (const auto* broken : {"", "{", "[]", "null", "\x00\xff"}) {
    CAPTURE(broken);
    t.here.write(file, broken);
    state.read_settings(read.s);
    CHECK(read.s.settings.time_to_live == 60s);
    CHECK(read.s.limits.pids == 99);
  }
  t.here.write(file,
               R"({"ttlMs":9223372036854775807,"idleTimeoutMs":-1,"memory":"x","pids":null,"metadata":[]})");
  state.read_settings(read.s);
  CHECK_FALSE(read.s.settings.time_to_live);
  CHECK_FALSE(read.s.settings.idle_timeout);
  CHECK(read.s.limits.memory == 1_GiB);
  CHECK(read.s.limits.pids == 99);
  CHECK(read.s.settings.metadata.size() == 2);
}

TEST_CASE("a space that outlived its folder can still be changed") {
  const state_folder t;
  const folders state(t.root, t.programs);
  one_space s;
  CHECK_NOTHROW(state.write_settings(s.s));
  s.s.settings.time_to_live.reset();
  state.read_settings(s.s);
  CHECK(s.s.settings.time_to_live == 60s);
}

TEST_CASE("folders of spaces that are no more are swept, for the same Engine only") {
  const state_folder t;
  const folders state(t.root, t.programs);
  const auto there = [&](const char* id) { return fs::exists(state.root() / "spaces" / id); };
  state.prepare("a");
  state.prepare("b");
  state.sweep("engine-1", {"a"}); // the first time there is nothing to go by
  CHECK(there("b"));
  state.sweep("engine-2", {});
  CHECK(there("a"));
  CHECK(there("b"));
  state.sweep("engine-2", {"a"});
  CHECK(there("a"));
  CHECK_FALSE(there("b"));
}
