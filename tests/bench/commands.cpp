#include "figures.hpp"
#include "host.hpp"
#include "setup.hpp"

#include <fmt/format.h>

#include <atomic>
#include <functional>
#include <thread>

namespace bench {

namespace json = boost::json;

namespace {

const json::array nothing{"true"};

std::string ms(double seconds) { return fmt::format("{:.2f} ms", seconds * 1000); }

/// Many at once: how many a second, and how long each took.
struct throughput {
  double rate = 0;
  std::vector<double> times;
};

/// `make` gives each of `width` threads its own way to run one.
throughput run_at_once(int width, int each, const std::function<std::function<void()>(int)>& make) {
  std::vector<std::vector<double>> times(static_cast<std::size_t>(width));
  std::vector<std::thread> threads;
  std::atomic<int> ready{0};
  std::atomic<bool> go{false};
  for (int i = 0; i < width; ++i)
    threads.emplace_back([&, i] {
      const auto one = make(i);
      one();
      ++ready;
      while (!go) std::this_thread::yield();
      for (int n = 0; n < each; ++n) {
        const auto from = now();
        one();
        times[static_cast<std::size_t>(i)].push_back(now() - from);
      }
    });
  while (ready < width) std::this_thread::yield();
  const auto from = now();
  go = true;
  for (auto& t : threads) t.join();
  throughput all{.rate = width * each / (now() - from)};
  for (const auto& some : times) all.times.insert(all.times.end(), some.begin(), some.end());
  return all;
}

void print_parallel(const std::string& what, const throughput& ours, double theirs) {
  print_row(what, fmt::format("{:.0f}/s", ours.rate), fmt::format("{:.1f}/s", theirs),
            fmt::format("{:.0f} times (bar: at least 40)", ours.rate / theirs));
  const auto middle = median(ours.times);
  const auto slow = percentile(ours.times, 0.99);
  print_row("  median and p99", ms(middle), ms(slow),
            fmt::format("{:.1f} times the median (bar: under 5)", slow / middle));
}

} // namespace

void measure_spawn(const setup& s, const std::string& space) {
  auto daemon = connection::tcp(s.port);
  auto engine = connection::unix_socket(s.engine);
  const auto container = container_of(s, space);
  std::vector<double> ours;
  std::vector<double> hosts;
  std::vector<double> engines;
  for (int i = -20; i < 1000; ++i) { // the first few warm up
    auto from = now();
    our_exec(s, daemon, space, nothing);
    const auto our_time = now() - from;
    const auto host_time = run_on_host({"true"}).in_all;
    if (i < 0) continue;
    ours.push_back(our_time);
    hosts.push_back(host_time);
    if (i % 20 != 0) continue;
    from = now();
    raw_exec(s, engine, container, nothing);
    engines.push_back(now() - from);
  }
  const auto mine = median(ours);
  print_row("exec of true, beside the Engine: median", ms(mine), ms(median(engines)),
            fmt::format("{:.0f} times faster (bar: at least 40)", median(engines) / mine));
  print_row("  beside posix_spawn + wait on the host", ms(mine), ms(median(hosts)),
            fmt::format("{:.2f} times it (bar: at most 2)", mine / median(hosts)));
  print_row("  p99, and the host's", ms(percentile(ours, 0.99)), ms(percentile(hosts, 0.99)), "");
}

void measure_parallel(const setup& s, const std::vector<std::string>& spaces) {
  constexpr int width = 16;
  const auto container = container_of(s, spaces[0]);
  const auto raw = run_at_once(width, 4, [&](int) {
    auto engine = std::make_shared<connection>(connection::unix_socket(s.engine));
    return [&s, engine, container] { raw_exec(s, *engine, container, nothing); };
  });
  const auto in = [&](bool spread) {
    return run_at_once(width, 200, [&](int i) {
      auto daemon = std::make_shared<connection>(connection::tcp(s.port));
      const auto space = spaces.at(spread ? static_cast<std::size_t>(i) % spaces.size() : 0);
      return [&s, daemon, space] { our_exec(s, *daemon, space, nothing); };
    });
  };
  print_parallel("16 at once in one space", in(false), raw.rate);
  print_parallel(fmt::format("16 at once over {} spaces", spaces.size()), in(true), raw.rate);
  const auto host = run_at_once(width, 200, [](int) { return [] { run_on_host({"true"}); }; });
  print_row("  16 at once on the host itself", "", fmt::format("{:.0f}/s", host.rate), "");
}

void measure_first_byte(const setup& s, const std::string& space) {
  auto daemon = connection::tcp(s.port);
  const auto target = fmt::format("/api/spaces/{}/exec?stream=raw", space);
  const auto body = json::serialize(json::object{{"command", json::array{"echo", "hi"}}});
  std::vector<double> ours;
  std::vector<double> hosts;
  for (int i = -20; i < 500; ++i) {
    const auto answer = daemon.call("POST", target, authorization(s), body, false);
    const auto host_time = run_on_host({"echo", "hi"}).first_byte;
    if (answer.size != 3) die("our stream was cut short");
    if (i < 0) continue;
    ours.push_back(answer.first_byte);
    hosts.push_back(host_time);
  }
  print_row("first byte of a stream, and the host's own", ms(median(ours)), ms(median(hosts)),
            fmt::format("{:+.2f} ms (bar: at most +1)", (median(ours) - median(hosts)) * 1000));
}

void measure_wake(const setup& s, const std::string& space) {
  auto daemon = connection::tcp(s.port);
  auto engine = connection::unix_socket(s.engine);
  const auto container = container_of(s, space);
  std::vector<double> ours;
  std::vector<double> engines;
  for (int i = 0; i < 20; ++i) {
    expect(daemon.call("POST", fmt::format("/api/spaces/{}/stop", space), authorization(s), ""), 200, "stop");
    auto from = now();
    our_exec(s, daemon, space, nothing);
    ours.push_back(now() - from);
    // Behind the daemon's back, so that it has no part in it.
    expect(engine.call("POST", fmt::format("/containers/{}/pause", container), "", ""), 204, "pause");
    from = now();
    expect(engine.call("POST", fmt::format("/containers/{}/unpause", container), "", ""), 204, "unpause");
    engines.push_back(now() - from);
  }
  print_row("exec of true in a paused space, and unpause", ms(median(ours)), ms(median(engines)),
            fmt::format("{:+.1f} ms (bar: at most +15)", (median(ours) - median(engines)) * 1000));
}

} // namespace bench
