#include "moved_clock.hpp"
#include <clawdspace/space/usage.hpp>

#include <asio/io_context.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <support/folder.hpp>
#include <support/run_coroutine.hpp>

using namespace clawdspace;
using namespace clawdspace::spaces;
using namespace std::chrono_literals;

namespace {

const std::string container(64, 'a');

std::string groups_v1(std::string_view path) {
  return fmt::format("9:name=systemd:{0}\n8:pids:{0}\n7:blkio:{0}\n4:memory:{0}\n2:cpu,cpuacct:{0}\n0::{0}\n",
                     path);
}

/// Trees as a kernel shows them.
struct trees {
  explicit trees(std::string_view root = "/") {
    for (const auto* name : {"cpu,cpuacct", "memory", "pids", "blkio"})
      mountinfo += fmt::format("33 31 0:30 {} {}/{} rw,relatime - cgroup cgroup rw,{}\n", root,
                               here.path().string(), name, name);
    mountinfo += fmt::format("41 31 0:38 / {}/unified rw,relatime shared:1 - cgroup2 cgroup2 rw\n",
                             here.path().string());
    mountinfo += "23 1 8:1 / / rw - ext4 /dev/sda1 rw\nnot a line\n";
  }
  void write(const std::string& file, std::string_view text) {
    std::filesystem::create_directories((here.path() / file).parent_path());
    here.write(file, text);
  }
  void write_v1() {
    write("cpu,cpuacct/docker/" + container + "/cpuacct.usage", "5000000000\n");
    write("memory/docker/" + container + "/memory.usage_in_bytes", "4096000\n");
    write("memory/docker/" + container + "/memory.stat",
          "cache 1\ninactive_file 7\ntotal_inactive_file 96000\n");
    write("pids/docker/" + container + "/pids.current", "3\n");
    write("blkio/docker/" + container + "/blkio.throttle.io_service_bytes_recursive",
          "8:0 Read 100\n8:0 Write 20\n8:0 Total 120\n8:16 Read 5\nTotal 125\n");
  }

  test::folder here;
  std::string mountinfo;
};

usage_reading spent(double cpu_seconds, std::uint64_t read = 0) {
  return {
      .cpu_ns = static_cast<std::uint64_t>(cpu_seconds * 1e9), .memory = 100, .pids = 2, .read_bytes = read};
}

} // namespace

TEST_CASE("a control group of v1 is read from the trees of its controllers, as far as they are shown") {
  trees at;
  at.write_v1();
  const auto group =
      cgroup::find(cgroup_mounts::parse(at.mountinfo), groups_v1("/docker/" + container), container);
  REQUIRE(group);
  const auto now = group->read();
  REQUIRE(now);
  CHECK(now->cpu_ns == 5'000'000'000);
  CHECK(now->memory == 4'000'000);
  CHECK(now->pids == 3);
  CHECK(now->read_bytes == 105);
  CHECK(now->written_bytes == 20);
  CHECK_FALSE(now->received_bytes);

  trees below("/docker");
  CHECK_FALSE(
      cgroup::find(cgroup_mounts::parse(below.mountinfo), groups_v1("/elsewhere/" + container), container));
}

TEST_CASE("a control group of v2 is read from its one folder") {
  trees at;
  const auto folder = "unified/system.slice/docker-" + container + ".scope/";
  at.write(folder + "cpu.stat", "usage_usec 1500\nuser_usec 1000\n");
  at.write(folder + "memory.current", "5000\n");
  at.write(folder + "memory.stat", "anon 1\ninactive_file 1000\n");
  at.write(folder + "pids.current", "1\n");
  at.write(folder + "io.stat", "8:0 rbytes=10 wbytes=20 rios=1\n8:16 rbytes=1 wbytes=2\n");
  const auto group = cgroup::find(cgroup_mounts::parse(at.mountinfo),
                                  "0::/system.slice/docker-" + container + ".scope\n", container);
  REQUIRE(group);
  const auto now = group->read();
  REQUIRE(now);
  CHECK(now->cpu_ns == 1'500'000);
  CHECK(now->memory == 4'000);
  CHECK(now->read_bytes == 11);
  CHECK(now->written_bytes == 22);
}

TEST_CASE("a process of another container has nothing to say, nor has a group that is gone") {
  trees at;
  at.write_v1();
  const auto mounts = cgroup_mounts::parse(at.mountinfo);
  CHECK_FALSE(cgroup::find(mounts, groups_v1("/docker/" + std::string(64, 'b')), container));
  CHECK_FALSE(cgroup::find(mounts, groups_v1("/docker/" + container), ""));
  CHECK_FALSE(cgroup::find(mounts, "nonsense\n::::\n", container));
  CHECK_FALSE(cgroup::find(mounts, pid_t{0}, container));
  const auto group = cgroup::find(mounts, groups_v1("/docker/" + container), container);
  std::filesystem::remove_all(at.here.path() / "memory");
  CHECK_FALSE(group->read());
}

TEST_CASE("rates are of two readings, and a stretch of ten seconds becomes a point") {
  usage_record record;
  const time_point begin = from_rfc3339("2026-01-31T08:00:00Z");
  record.add(begin, spent(1));
  CHECK_FALSE(record.last()->cpus);
  for (int i = 1; i <= 5; ++i) record.add(begin + 2s * i, spent(1 + i, 1000U * static_cast<unsigned>(i)));
  CHECK(*record.last()->cpus == doctest::Approx(0.5));
  REQUIRE(record.points().size() == 1);
  CHECK(record.points()[0].begin == begin);
  CHECK(record.points()[0].end == begin + 10s);
  CHECK(record.points()[0].cpus == doctest::Approx(0.5));
  CHECK(*record.points()[0].read_rate == doctest::Approx(500));
  CHECK_FALSE(record.points()[0].receive_rate);
}

TEST_CASE("what nobody saw is a gap, and so is a new start") {
  usage_record record;
  const time_point begin = from_rfc3339("2026-01-31T08:00:00Z");
  record.add(begin, spent(1));
  record.add(begin + 2s, spent(2));
  record.add(begin + 10min, spent(3)); // nobody looked
  CHECK_FALSE(record.last()->cpus);
  REQUIRE(record.points().size() == 1);
  CHECK(record.points()[0].end == begin + 2s);
  record.add(begin + 10min + 2s, spent(0.5)); // it began anew
  CHECK_FALSE(record.last()->cpus);
  record.drop_before(begin + 1h);
  CHECK(record.points().empty());
  for (int i = 0; i < 10'000; ++i) record.add(begin + 2h + 2s * i, spent(i));
  CHECK(record.points().size() == usage_record::capacity);
}

TEST_CASE("nothing is read while nobody looks, and once for all that do") {
  const auto body = [](asio::io_context& loop) -> task<> {
    const auto executor = loop.get_executor();
    test::folder here;
    system_clock time;
    event_hub events(executor);
    registry known(executor, time, events);
    engine::client docker(executor, {.socket_path = (here.path() / "no.sock").string()});
    int asked = 0;
    usage_monitor monitor(executor, docker, known, time, [&](const spaces::space&) { return ++asked, 0; });
    const auto s = known.add({.id = "1", .name = "a"});
    known.set_container(s, container);
    known.set_state(s, space_state::running);
    const auto all = [&](nursery& running) -> task<> {
      running.start(monitor.run());
      asio::steady_timer turn(executor, 50ms);
      co_await turn.async_wait(asio::use_awaitable);
      CHECK(asked == 0);
      {
        const auto first = monitor.look_at(*s);
        const auto second = monitor.look_at_all();
        co_await monitor.read().wait_past(0);
        CHECK(asked == 1);
      }
      const auto seen = monitor.read().value();
      co_await monitor.read().wait_past(seen, std::chrono::steady_clock::now() + 1500ms);
      CHECK(asked == 1);
      running.cancel();
    };
    co_await with_nursery(all);
  };
  test::run_coroutine(body);
}
