#include "figures.hpp"
#include "http.hpp"
#include "setup.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

// Measures a running daemon against the Engine beneath it, in turns. `script/bench` sets both up.

namespace json = boost::json;
using namespace bench;

namespace {

void measure_exec(const setup& s, const std::string& name, int rounds) {
  auto ours = connection::tcp(s.port);
  auto engine = connection::unix_socket(s.engine);
  const auto container = container_of(s, name);
  std::vector<double> our_times;
  std::vector<double> their_times;
  for (int i = -5; i < rounds; ++i) { // the first few warm up
    auto from = now();
    const auto done = expect(ours.call("POST", fmt::format("/api/spaces/{}/exec", name), authorization(s),
                                       R"({"command":["true"]})"),
                             200, "exec");
    const auto our_time = now() - from;
    if (done.at("exitCode").as_int64() != 0) die("our command failed");
    from = now();
    raw_exec(s, engine, container, {"true"});
    const auto their_time = now() - from;
    if (i < 0) continue;
    our_times.push_back(our_time * 1000);
    their_times.push_back(their_time * 1000);
  }
  print_row("exec of true, median", fmt::format("{:.1f} ms", median(our_times)),
            fmt::format("{:.1f} ms", median(their_times)),
            fmt::format("{:+.1f} ms (bar: at most +3)", median(our_times) - median(their_times)));
  print_row("exec of true, p99", fmt::format("{:.1f} ms", percentile(our_times, 0.99)),
            fmt::format("{:.1f} ms", percentile(their_times, 0.99)), "");
}

// `connections` threads ask for the same thing over and over; requests a second.
double load(const std::function<connection()>& open, const std::string& target, const std::string& headers,
            int connections, double seconds) {
  std::vector<std::thread> clients;
  std::vector<std::uint64_t> counts(static_cast<std::size_t>(connections));
  const auto until = now() + seconds;
  for (auto& count : counts)
    clients.emplace_back([&] {
      auto c = open();
      for (; now() < until; ++count)
        if (c.call("GET", target, headers, "", false).status != 200) die(target + " failed");
    });
  for (auto& c : clients) c.join();
  std::uint64_t all = 0;
  for (const auto count : counts) all += count;
  return static_cast<double>(all) / seconds;
}

void measure_list_engine(const setup& s) {
  const std::string filter =
      "/containers/json?all=1&filters=%7B%22label%22%3A%5B%22clawdspace.instance%22%5D%7D";
  fmt::print("{:.1f}\n", load([&] { return connection::unix_socket(s.engine); }, filter, "", 16, 5));
}

void measure_idle(const setup& s, int count) {
  const auto latency = [&] {
    auto c = connection::tcp(s.port);
    std::vector<double> times;
    for (int i = 0; i < 2000; ++i) {
      const auto from = now();
      expect(c.call("GET", "/api/health", "", ""), 200, "health");
      times.push_back((now() - from) * 1e6);
    }
    return median(times);
  };
  latency();
  const auto alone = latency();
  const auto before = resident(s.pid);
  std::vector<connection> idle;
  for (int i = 0; i < count; ++i) {
    idle.push_back(connection::tcp(s.port));
    expect(idle.back().call("GET", "/api/health", "", ""), 200, "health");
  }
  const auto each = (resident(s.pid) - before) / count / 1024;
  const auto beside = latency();
  print_row(fmt::format("{} idle connections, memory of each", count), fmt::format("{:.1f} KiB", each), "",
            "(bar: less than 16)");
  print_row("  a request beside them, median", fmt::format("{:.0f} us", beside),
            fmt::format("{:.0f} us", alone), "with against without");
}

void measure_rest(const setup& s, double seconds) {
  const auto before = processor_time(s.pid);
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); // the time over which rest is observed
  print_row("at rest with 50 spaces: resident memory", fmt::format("{:.1f} MiB", resident(s.pid) / 1048576),
            "", "(bar: less than 20)");
  print_row(fmt::format("  processor time in {:.0f} s", seconds),
            fmt::format("{:.2f} s", processor_time(s.pid) - before), "", "(bar: none to be measured)");
}

// From exec to the first answer that says that the Engine is reached.
void measure_ready(const setup& s, char** command) {
  const auto from = now();
  const pid_t daemon = ::fork();
  if (daemon == 0) {
    ::execv(command[0], command);
    ::_exit(127);
  }
  bool ready = false;
  while (!ready && now() - from < 10) {
    auto probe = connection::try_tcp(s.port);
    if (!probe) continue;
    const auto answer = expect(probe->call("GET", "/api/health", "", ""), 200, "health");
    ready = answer.at("engine").at("reachable").as_bool();
  }
  const auto took = (now() - from) * 1000;
  ::kill(daemon, SIGTERM);
  ::waitpid(daemon, nullptr, 0);
  if (!ready) die("the daemon did not become ready");
  print_row("from its start to ready, 50 spaces", fmt::format("{:.0f} ms", took), "", "(bar: at most 100)");
}

} // namespace

int main(int argc, char** argv) {
  const auto text = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    if (value == nullptr) die(fmt::format("{} is not set: run script/bench", name));
    return value;
  };
  setup s{.port = std::atoi(text("BENCH_PORT").c_str()),
          .pid = std::atoi(text("BENCH_PID").c_str()),
          .key = text("BENCH_KEY"),
          .engine = text("BENCH_ENGINE")};
  const std::string what = argc > 1 ? argv[1] : "";
  const std::vector<std::string> spaces(argv + std::min(argc, 2), argv + argc);
  const std::string argument = spaces.empty() ? "" : spaces.front();
  if (what == "exec")
    measure_exec(s, argument, 200);
  else if (what == "stream")
    measure_stream(s, argument, 15);
  else if (what == "spawn")
    measure_spawn(s, argument);
  else if (what == "parallel")
    measure_parallel(s, spaces);
  else if (what == "first-byte")
    measure_first_byte(s, argument);
  else if (what == "wake")
    measure_wake(s, argument);
  else if (what == "slow")
    measure_slow_reader(s, argument);
  else if (what == "many")
    measure_many(s, spaces);
  else if (what == "echo")
    measure_echo(s, argument);
  else if (what == "list-engine")
    measure_list_engine(s);
  else if (what == "idle")
    measure_idle(s, 2000);
  else if (what == "rest")
    measure_rest(s, 20);
  else if (what == "ready")
    measure_ready(s, argv + 2);
  else
    die(fmt::format("\"{}\" is nothing to measure", what));
}
