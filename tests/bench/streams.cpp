#include "figures.hpp"
#include "host.hpp"
#include "setup.hpp"
#include "stream_reader.hpp"
#include "websocket.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <sys/epoll.h>
#include <thread>
#include <unistd.h>

namespace bench {

namespace json = boost::json;

namespace {

constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30;
constexpr double mib = 1048576;

std::string exec_target(const std::string& space) {
  return fmt::format("/api/spaces/{}/exec?stream=raw", space);
}

std::string body_of(const json::value& command) {
  return json::serialize(json::object{{"command", command}});
}

std::string body_of(const std::string& shell_text) { return body_of(json::value(json::string(shell_text))); }

/// Samples a process's memory while it lives.
class memory_watch {
 public:
  explicit memory_watch(int pid)
      : before_(resident(pid)), most_(before_), thread_([this, pid] {
          while (!over_) {
            most_ = std::max(most_.load(), resident(pid));
            std::this_thread::sleep_for(std::chrono::milliseconds(20)); // a sampling interval
          }
        }) {}
  double growth() {
    over_ = true;
    if (thread_.joinable()) thread_.join();
    return most_ - before_;
  }
  ~memory_watch() { growth(); }
  memory_watch(const memory_watch&) = delete;
  memory_watch& operator=(const memory_watch&) = delete;

 private:
  double before_;
  std::atomic<double> most_;
  std::atomic<bool> over_{false};
  std::thread thread_;
};

std::vector<double> ratios(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> all;
  for (std::size_t i = 0; i < a.size(); ++i) all.push_back(a[i] / b[i]);
  return all;
}

/// The median time of `true` beside whatever else goes on.
double exec_time(const setup& s, const std::string& space, int rounds) {
  auto daemon = connection::tcp(s.port);
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) {
    const auto from = now();
    our_exec(s, daemon, space, {"true"});
    times.push_back(now() - from);
  }
  return median(times);
}

} // namespace

void measure_stream(const setup& s, const std::string& space, int rounds) {
  const json::array command{"head", "-c", std::to_string(gibibyte), "/dev/zero"};
  const auto container = container_of(s, space);
  auto engine = connection::unix_socket(s.engine);
  std::vector<double> ours;
  std::vector<double> engines;
  std::vector<double> hosts;
  double used = 0;
  memory_watch memory(s.pid);
  for (int i = 0; i < rounds; ++i) {
    auto from = now();
    if (raw_exec(s, engine, container, command) != gibibyte) die("the raw stream was cut short");
    engines.push_back(gibibyte / 1e6 / (now() - from));
    hosts.push_back(splice_on_host(gibibyte));
    auto daemon = connection::tcp(s.port);
    const auto cpu = processor_time(s.pid);
    from = now();
    const auto got = daemon.call("POST", exec_target(space), authorization(s), body_of(command), false);
    ours.push_back(gibibyte / 1e6 / (now() - from));
    used += processor_time(s.pid) - cpu;
    if (got.size != gibibyte) die("our stream was cut short");
  }
  print_row("1 GiB of output, median", fmt::format("{:.0f} MB/s", median(ours)),
            fmt::format("{:.0f} MB/s", median(engines)),
            fmt::format("{:.2f} of the Engine's", median(ratios(ours, engines))));
  print_row("  beside a small program's splice", fmt::format("{:.0f} MB/s", median(ours)),
            fmt::format("{:.0f} MB/s", median(hosts)),
            fmt::format("{:.2f} of it", median(ratios(ours, hosts))));
  print_row("  daemon's memory meanwhile", fmt::format("{:+.1f} MiB", memory.growth() / mib), "",
            "(bar: less than 8)");
  print_row("  daemon's processor time for 1 GiB", fmt::format("{:.2f} s", used / rounds), "", "");
}

void measure_slow_reader(const setup& s, const std::string& space) {
  constexpr std::uint64_t block = 65'536;
  constexpr double seconds = 5;
  constexpr double speed = 1e6; // bytes a second
  const auto alone = exec_time(s, space, 300);
  stream_reader slow(
      s.port, exec_target(space), authorization(s),
      body_of(
          fmt::format("rm -f /tmp/blocks; while head -c {} /dev/zero; do echo >>/tmp/blocks; done", block)));
  memory_watch memory(s.pid);
  const auto from = now();
  double beside = 0;
  std::thread other([&] { beside = exec_time(s, space, 300); });
  while (now() - from < seconds) {
    while (static_cast<double>(slow.size()) < speed * (now() - from))
      if (!slow.read_some(16'384)) die("the slow stream ended");
    std::this_thread::sleep_for(std::chrono::milliseconds(5)); // what makes it slow
  }
  other.join();
  auto daemon = connection::tcp(s.port);
  const auto counted = expect(daemon.call("POST", fmt::format("/api/spaces/{}/exec", space), authorization(s),
                                          body_of(std::string("wc -l </tmp/blocks"))),
                              200, "count");
  const auto written =
      std::strtoull(std::string(counted.at("stdout").as_string()).c_str(), nullptr, 10) * block;
  print_row("a reader of 1 MB/s: its process is ahead by",
            fmt::format("{:.1f} MB",
                        static_cast<double>(written - std::min<std::uint64_t>(written, slow.size())) / 1e6),
            "", fmt::format("of {:.1f} MB read", static_cast<double>(slow.size()) / 1e6));
  print_row("  exec of true beside it, and without it", fmt::format("{:.2f} ms", beside * 1000),
            fmt::format("{:.2f} ms", alone * 1000), fmt::format("{:.2f} times", beside / alone));
  print_row("  daemon's memory meanwhile", fmt::format("{:+.1f} MiB", memory.growth() / mib), "", "");
}

void measure_many(const setup& s, const std::vector<std::string>& spaces) {
  constexpr int streams = 1000;
  constexpr int lines = 15;
  const auto body =
      body_of(fmt::format("i=0; while [ $i -lt {} ]; do echo line $i; i=$((i+1)); sleep 1; done", lines));
  const auto before = resident(s.pid);
  double most = before;
  std::vector<std::unique_ptr<line_stream>> all;
  const int waiting = ::epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < streams; ++i) {
    all.push_back(std::make_unique<line_stream>(
        s.port, exec_target(spaces[static_cast<std::size_t>(i) % spaces.size()]), authorization(s), body));
    epoll_event about{.events = EPOLLIN, .data = {.u32 = static_cast<std::uint32_t>(i)}};
    ::epoll_ctl(waiting, EPOLL_CTL_ADD, all.back()->fd(), &about);
  }
  const auto until = now() + 120;
  int running = streams;
  for (double sampled = 0; running > 0;) {
    if (now() > until) die(fmt::format("{} of {} streams did not end", running, streams));
    std::array<epoll_event, 64> ready{};
    const int n = ::epoll_wait(waiting, ready.data(), static_cast<int>(ready.size()), 1000);
    for (int i = 0; i < n; ++i) {
      auto& stream = *all[ready[static_cast<std::size_t>(i)].data.u32];
      if (stream.take()) continue;
      ::epoll_ctl(waiting, EPOLL_CTL_DEL, stream.fd(), nullptr);
      if (stream.lines() != lines) die(fmt::format("a stream had {} lines of {}", stream.lines(), lines));
      --running;
    }
    if (now() - sampled < 0.1) continue;
    sampled = now();
    most = std::max(most, resident(s.pid));
  }
  ::close(waiting);
  print_row("1,000 commands with a line a second, 20 spaces", fmt::format("{} lines", streams * lines), "",
            "all there, in order");
  print_row("  daemon's memory for each", fmt::format("{:.1f} KiB", (most - before) / streams / 1024), "",
            "(bar: under 12)");
}

void measure_echo(const setup& s, const std::string& space) {
  constexpr int keys = 500;
  websocket terminal(s.port, fmt::format("/api/spaces/{}/terminal", space), authorization(s));
  terminal.wait_for("$ ");
  std::vector<double> times;
  for (int i = 0; i < keys; ++i) {
    const auto from = now();
    terminal.send("x");
    terminal.wait_for("x");
    times.push_back(now() - from);
    if (i % 40 != 39) continue;
    terminal.send("\x15"); // kill the line: it must not wrap
    terminal.send("echo do\\ne\r");
    terminal.wait_for("done\r\n");
    terminal.wait_for("$ ");
  }
  print_row("a keystroke's echo through a login shell", fmt::format("{:.2f} ms", median(times) * 1000),
            fmt::format("{:.2f} ms", percentile(times, 0.99) * 1000), "median and p99 (bar: under 1)");
}

} // namespace bench
