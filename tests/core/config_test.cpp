#include <clawdspace/core/config.hpp>
#include <clawdspace/core/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <support/folder.hpp>
#include <support/refusal.hpp>
#include <vector>

using namespace clawdspace;
using namespace std::chrono_literals;
using test::words_of_refusal;

namespace {

/// What can be seen of a configuration, so that two can be compared.
std::vector<std::string> told(const configuration& c) {
  std::ostringstream out;
  const auto& s = c.server;
  out << s.listen << '\n'
      << s.port << '\n'
      << s.api_key << '\n'
      << s.key_file.string() << '\n'
      << s.static_dir.string() << '\n'
      << s.max_connections << '\n'
      << count(s.head_limit) << '\n'
      << count(s.body_limit) << '\n'
      << s.idle_timeout.count() << '\n'
      << s.drain.count() << '\n';
  out << c.engine.host << '\n'
      << c.engine.call_timeout.count() << '\n'
      << c.engine.slow_call_timeout.count() << '\n';
  const auto& p = c.spaces;
  out << p.instance << '\n'
      << p.image << '\n'
      << p.profile << '\n'
      << p.network << '\n'
      << count(p.memory) << '\n'
      << count(p.cpus) << '\n'
      << p.pids << '\n'
      << p.open_files << '\n'
      << p.max << '\n'
      << p.idle_timeout.count() << '\n'
      << p.stop_after.count() << '\n'
      << p.ttl.count() << '\n'
      << p.stop_grace.count() << '\n'
      << p.busy_percent << '\n'
      << p.relist.count() << '\n';
  out << count(c.exec.output_limit) << '\n'
      << c.exec.drain.count() << '\n'
      << c.state.dir.string() << '\n'
      << c.state.init.string() << '\n'
      << c.state.files.string() << '\n'
      << c.log.format << '\n'
      << c.log.level << '\n';
  std::vector<std::string> lines;
  std::istringstream in(out.str());
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// The words with which a file of that content is refused; empty where it is taken.
std::string refused(std::string_view content) {
  const test::folder here;
  const auto file = here.write("c.toml", content);
  auto words = words_of_refusal([&] {
    configuration c;
    read_config(c, file);
  });
  if (words.starts_with(file.string())) words.replace(0, file.string().size(), "c.toml");
  return words;
}

std::string shipped_file() { return test::content_of(std::string(SOURCE_ROOT) + "/config/clawdspace.toml"); }

/// The shipped file with every key switched on: a comment that holds `key = value` loses its `# `.
std::string with_every_key(const std::string& file) {
  std::istringstream in(file);
  std::string out;
  for (std::string line; std::getline(in, line); out += line + '\n') {
    if (!line.starts_with("# ")) continue;
    const auto equals = line.find(" = ");
    if (equals == std::string::npos) continue;
    const auto key = std::string_view(line).substr(2, equals - 2);
    if (std::ranges::all_of(key, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; })) line.erase(0, 2);
  }
  return out;
}

} // namespace

TEST_CASE("the shipped file's commented keys are the defaults") {
  const test::folder here;
  configuration defaults;
  configuration read;
  read_config(read, here.write("all.toml", with_every_key(shipped_file())));
  // One default is told in full where the program has an empty string for it.
  CHECK(read.engine.host == "unix:///var/run/docker.sock");
  read.engine.host = defaults.engine.host;
  CHECK(told(read) == told(defaults));
  configuration as_shipped;
  read_config(as_shipped, here.write("shipped.toml", shipped_file()));
  CHECK(told(as_shipped) == told(defaults));
}

TEST_CASE("the shipped file names every key that there is, and each of them is read") {
  static constexpr std::string_view keys[] = {"listen",
                                              "port",
                                              "api_key",
                                              "key_file",
                                              "static_dir",
                                              "max_connections",
                                              "head_limit",
                                              "body_limit",
                                              "idle_timeout_ms",
                                              "drain_ms",
                                              "host",
                                              "call_timeout_ms",
                                              "slow_call_timeout_ms",
                                              "instance",
                                              "image",
                                              "profile",
                                              "network",
                                              "memory",
                                              "cpus",
                                              "pids",
                                              "open_files",
                                              "max",
                                              "stop_after_ms",
                                              "ttl_ms",
                                              "stop_grace_ms",
                                              "busy_percent",
                                              "relist_ms",
                                              "output_limit",
                                              "dir",
                                              "init",
                                              "format",
                                              "level"};
  const auto file = "\n" + with_every_key(shipped_file());
  for (const auto key : keys) {
    CAPTURE(key);
    CHECK(file.find("\n" + std::string(key) + " = ") != std::string::npos);
  }
}

TEST_CASE("every key of a file is read into its place") {
  const test::folder here;
  configuration c;
  read_config(c, here.write("c.toml", R"(
[server]
listen = "::1"
port = 0
api_key = "k"
key_file = "/k"
static_dir = "/s"
max_connections = 7
head_limit = "8k"
body_limit = 4096
idle_timeout_ms = 9
drain_ms = 0
[engine]
host = "tcp://h:1"
call_timeout_ms = 10
slow_call_timeout_ms = 11
[spaces]
instance = "i"
image = "m"
profile = "strict"
network = "none"
memory = "1.5g"
cpus = 0.5
pids = 16
open_files = 64
max = 12
idle_timeout_ms = 13
stop_after_ms = 14
ttl_ms = 15
stop_grace_ms = 16
busy_percent = 0
relist_ms = 100
[exec]
output_limit = "1k"
drain_ms = 18
[state]
dir = "/d"
init = "/i"
files = "/f"
[log]
format = "json"
level = "debug"
)"));
  CHECK(told(c) == std::vector<std::string>{
                       "::1",       "0",         "k",  "/k", "/s", "7",  "8192",   "4096", "9",
                       "0",         "tcp://h:1", "10", "11", "i",  "m",  "strict", "none", "1610612736",
                       "500000000", "16",        "64", "12", "13", "14", "15",     "16",   "0",
                       "100",       "1024",      "18", "/d", "/i", "/f", "json",   "debug"});
}

TEST_CASE("what a file has wrong is told with its line and its key") {
  struct row {
    const char* content;
    const char* words;
  };
  for (const auto& [content, words] : {
           row{"[server]\nport = 7070\nprot = 1\n", "c.toml:3: there is no key server.prot"},
           row{"\n[sever]\nport = 1\n", "c.toml:2: there is no section [sever]"},
           row{"port = 1\n", "c.toml:1: there is no section [port]"},
           row{"[server.port]\nx = 1\n", "c.toml:1: server.port: must be a whole number"},
           row{"[server]\nport = \"7070\"\n", "c.toml:2: server.port: must be a whole number"},
           row{"[server]\nport = 1.0\n", "c.toml:2: server.port: must be a whole number"},
           row{"[server]\nport = true\n", "c.toml:2: server.port: must be a whole number"},
           row{"[server]\nport = 65536\n", "c.toml:2: server.port: 65536 is not between 0 and 65535"},
           row{"[server]\nport = -1\n", "c.toml:2: server.port: -1 is not between 0 and 65535"},
           row{"[server]\nlisten = 1\n", "c.toml:2: server.listen: must be a string"},
           row{"[server]\nkey_file = 1\n", "c.toml:2: server.key_file: must be a path, as a string"},
           row{"[server]\ndrain_ms = -1\n", "c.toml:2: server.drain_ms: -1 is not a time in milliseconds"},
           row{"[server]\ndrain_ms = 9223372036854775807\n",
               "c.toml:2: server.drain_ms: 9223372036854775807 is not a time in milliseconds"},
           row{"[server]\ndrain_ms = \"1s\"\n",
               "c.toml:2: server.drain_ms: must be a whole number of milliseconds"},
           row{"[server]\nhead_limit = 1\n", "c.toml:2: server.head_limit: 1 bytes is less than 1 KiB"},
           row{"[server]\nhead_limit = -1\n", "c.toml:2: server.head_limit: "},
           row{"[spaces]\nmemory = \"lots\"\n", "c.toml:2: spaces.memory: "},
           row{"[spaces]\nmemory = true\n",
               "c.toml:2: spaces.memory: must be an amount such as \"2g\", or a number of bytes"},
           row{"[spaces]\nmemory = \"1m\"\n", "c.toml:2: spaces.memory: 1 MiB is less than 6 MiB"},
           row{"[spaces]\ncpus = \"2\"\n", "c.toml:2: spaces.cpus: must be a number of cores"},
           row{"[spaces]\ncpus = 0\n", "c.toml:2: spaces.cpus: "},
           row{"[spaces]\ncpus = nan\n", "c.toml:2: spaces.cpus: "},
           row{"[spaces]\ncpus = inf\n", "c.toml:2: spaces.cpus: "},
           row{"[spaces]\nbusy_percent = nan\n", "c.toml:2: spaces.busy_percent: "},
           row{"[spaces]\nbusy_percent = -1\n", "c.toml:2: spaces.busy_percent: "},
           row{"[spaces]\nrelist_ms = 0\n", "c.toml:2: spaces.relist_ms: 0 is less than 100"},
           row{"[engine]\ncall_timeout_ms = 0\n", "c.toml:2: engine.call_timeout_ms: 0 is less than 1"},
           row{"[spaces]\nprofile = \"loose\"\n",
               "c.toml:2: spaces.profile: \"loose\" is not one of: standard, strict"},
           row{"[log]\nlevel = \"loud\"\n",
               "c.toml:2: log.level: \"loud\" is not one of: debug, info, warn, error"},
           row{"[server]\nport = \n", "c.toml:2: "},
           row{"[server]\nport = 1\nport = 2\n", "c.toml:3: "},
       }) {
    CAPTURE(content);
    const auto got = refused(content);
    CAPTURE(got);
    CHECK(got.starts_with(words));
  }
  CHECK(refused("").empty());
}

TEST_CASE("a file that is not there is told by its name") {
  configuration c;
  CHECK(words_of_refusal([&] { read_config(c, "/nowhere/c.toml"); }).find("/nowhere/c.toml") !=
        std::string::npos);
}

TEST_CASE("the environment goes over what was read, and an empty variable counts for nothing") {
  std::map<std::string, std::string> variables{
      {"PORT", "8080"}, {"API_KEY", "key"}, {"IDLE_TIMEOUT_MS", "5"}, {"CLAWDSPACE_IMAGE", "other:1"}};
  const auto look_up = [&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
  configuration c;
  read_environment(c, look_up);
  CHECK(c.server.port == 8080);
  CHECK(c.server.api_key == "key");
  CHECK(c.spaces.idle_timeout == 5ms);
  CHECK(c.spaces.image == "other:1");
  CHECK(c.engine.host.empty());
  variables = {{"PORT", ""}, {"DOCKER_HOST", "tcp://h:2375"}};
  read_environment(c, look_up);
  CHECK(c.server.port == 8080);
  CHECK(c.engine.host == "tcp://h:2375");
  for (const auto* wrong : {"80a", " 80", "+80", "0x50", "99999999999999999999", "-1", "80.0"}) {
    CAPTURE(wrong);
    variables = {{"PORT", wrong}};
    CHECK(words_of_refusal([&] { read_environment(c, look_up); }).starts_with("PORT in the environment: "));
  }
  CHECK(c.server.port == 8080);
}

TEST_CASE("a key that is set from text takes what the file takes") {
  configuration c;
  set_config(c, "spaces.memory", "3g");
  set_config(c, "spaces.cpus", "1.5");
  set_config(c, "spaces.busy_percent", "2.5");
  set_config(c, "state.dir", "/x y");
  set_config(c, "log.format", "json");
  CHECK(c.spaces.memory == 3_GiB);
  CHECK(count(c.spaces.cpus) == 1'500'000'000);
  CHECK(c.spaces.busy_percent == 2.5);
  CHECK(c.state.dir == "/x y");
  CHECK(c.log.format == "json");
  const auto before = told(c);
  for (const auto& [key, value] : {std::pair("spaces.memory", "-1"),
                                   {"spaces.memory", ""},
                                   {"spaces.cpus", "two"},
                                   {"spaces.busy_percent", "nan"},
                                   {"spaces.pids", "1"},
                                   {"spaces.idle_timeout_ms", "1s"},
                                   {"log.format", "xml"},
                                   {"spaces", "1"},
                                   {"", "1"},
                                   {"server.nothing", "1"}}) {
    CAPTURE(key);
    CAPTURE(value);
    CHECK(test::refusal([&] { set_config(c, key, value); })->code() == errc::invalid_field);
  }
  CHECK(told(c) == before);
}

TEST_CASE("random_hex gives two lower-case characters a byte, and never the same") {
  CHECK(random_hex(0).empty());
  const auto one = random_hex(16);
  CHECK(one.size() == 32);
  CHECK(one.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(one != random_hex(16));
}
