#include "live.hpp"
#include <clawdspace/core/nursery.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using namespace clawdspace;
using namespace clawdspace::engine;
using namespace std::chrono_literals;
using test::make_container;
using test::start_one;
using test::with_live_engine;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

struct outputs {
  std::string out;
  std::string err;
};

task<outputs> read_all(exec_stream& stream) {
  outputs got;
  for (;;) {
    const auto piece = co_await stream.read();
    if (piece.data.empty()) co_return got;
    auto& into = piece.from == exec_stream::channel::stderr_ ? got.err : got.out;
    into.append(reinterpret_cast<const char*>(piece.data.data()), piece.data.size());
  }
}

/// The stream may end before the code is recorded: asked again until it is there.
task<int> exit_code(client& docker, std::string exec) {
  asio::steady_timer pause(co_await asio::this_coro::executor);
  for (;;) {
    const auto seen = co_await docker.inspect_exec(exec);
    if (!seen.running && seen.exit_code) co_return *seen.exit_code;
    pause.expires_after(5ms);
    co_await pause.async_wait(asio::use_awaitable);
  }
}

struct ended {
  outputs output;
  int code = 0;
};

task<ended> run(client& docker, std::string container, std::string script) {
  const auto exec = co_await docker.create_exec(container, {.cmd = {"sh", "-c", script}});
  const auto stream = co_await docker.start_exec(exec, false);
  ended got;
  got.output = co_await read_all(*stream);
  got.code = co_await exit_code(docker, exec);
  co_return got;
}

/// FNV-1a: enough to tell that not a byte was lost, doubled or swapped.
class checksum {
 public:
  void add(std::span<const std::byte> data) {
    for (const auto b : data) state_ = (state_ ^ std::to_integer<std::uint64_t>(b)) * 0x100000001b3;
    size_ += data.size();
  }
  bool operator==(const checksum&) const = default;
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325;
  std::uint64_t size_ = 0;
};

/// 1 to 7 KiB at a time.
class in_pieces final : public byte_source {
 public:
  explicit in_pieces(std::span<const std::byte> all) : rest_(all) {}
  task<std::size_t> read_some(std::span<std::byte> into) override {
    step_ = step_ % 7 + 1;
    const auto size = std::min({into.size(), rest_.size(), step_ << 10});
    std::copy_n(rest_.begin(), size, into.begin());
    rest_ = rest_.subspan(size);
    co_return size;
  }

 private:
  std::span<const std::byte> rest_;
  std::size_t step_ = 0;
};

template <class Call> task<int> status_of(Call call) {
  try {
    co_await call();
  } catch (const engine_error& e) {
    CHECK_FALSE(e.words().empty());
    CHECK(std::string_view(e.what()).find(e.words()) != std::string_view::npos);
    co_return e.status();
  }
  co_return 200;
}

} // namespace

TEST_CASE("live: the Engine is told apart by its version and what it runs on") {
  with_live_engine([](client& docker) -> task<> {
    const auto spoken = co_await docker.negotiate();
    CHECK_FALSE(spoken.engine.empty());
    CHECK_FALSE(spoken.negotiated.empty());
    const auto host = co_await docker.get_info();
    CHECK(host.cpus > 0);
    CHECK(count(host.memory) > (64 << 20));
    CHECK((host.cgroup_version == "1" || host.cgroup_version == "2"));
    co_await docker.ping();
  });
}

TEST_CASE("live: a container from its creation to its removal, and what each step leaves in its record") {
  with_live_engine([](client& docker) -> task<> {
    const auto id = co_await make_container(docker, "life",
                                            {.env = {"A=b"},
                                             .user = "0",
                                             .hostname = "inside",
                                             .stop_signal = "SIGTERM",
                                             .labels = {{"quoted", "c=d \" x"}},
                                             .memory = 64_MiB,
                                             .cpus = nano_cpus{500'000'000},
                                             .pids = 64,
                                             .ulimits = {{"nofile", 1024, 2048}},
                                             .cap_add = {"CHOWN"},
                                             .cap_drop = {"ALL"},
                                             .security_opt = {"no-new-privileges"},
                                             .tmpfs = {{"/scratch", "size=1m"}},
                                             .log_driver = "json-file",
                                             .log_options = {{"max-size", "1m"}}});
    auto seen = co_await docker.inspect_container(id);
    CHECK(seen.id == id);
    CHECK(seen.name.starts_with("clawdspace-test-life-"));
    CHECK(seen.state == container_state::created);
    CHECK_FALSE(seen.started);
    CHECK(seen.pid == 0);
    CHECK(seen.labels.at("quoted") == "c=d \" x");
    CHECK(count(seen.memory) == count(64_MiB));
    CHECK(count(seen.memory_swap) == count(64_MiB));
    CHECK(count(seen.cpus) == 500'000'000);
    CHECK(seen.pids == 64);
    CHECK(seen.network_mode == "none");
    CHECK(std::find(seen.env.begin(), seen.env.end(), "A=b") != seen.env.end());

    co_await docker.start_container(id);
    co_await docker.start_container(id); // 304
    seen = co_await docker.inspect_container(id);
    CHECK(seen.state == container_state::running);
    CHECK(seen.pid > 0);
    CHECK(seen.started);

    const auto used = co_await docker.container_stats(id);
    CHECK(used.pids == 1);
    CHECK(used.cpu_total_ns > 0);
    CHECK(used.memory_limit == 64U << 20);

    co_await docker.pause_container(id);
    seen = co_await docker.inspect_container(id);
    CHECK(seen.paused);
    CHECK(seen.state == container_state::paused);
    const auto pause_again = [&]() -> task<> { co_await docker.pause_container(id); };
    CHECK(co_await status_of(pause_again) == 409);
    const auto exec_in_paused = [&]() -> task<> { co_await docker.create_exec(id, {.cmd = {"true"}}); };
    CHECK(co_await status_of(exec_in_paused) == 409);
    co_await docker.unpause_container(id);
    const auto unpause_again = [&]() -> task<> { co_await docker.unpause_container(id); };
    CHECK(co_await status_of(unpause_again) >= 409);

    co_await docker.update_container(id, {.memory = 128_MiB, .cpus = nano_cpus{1'000'000'000}, .pids = 100});
    seen = co_await docker.inspect_container(id);
    CHECK(count(seen.memory) == count(128_MiB));
    CHECK(count(seen.memory_swap) == count(128_MiB));
    CHECK(count(seen.cpus) == 1'000'000'000);
    CHECK(seen.pids == 100);
    co_await docker.update_container(id, {.memory = 64_MiB});
    CHECK(count((co_await docker.inspect_container(id)).memory) == count(64_MiB));
    CHECK((co_await docker.inspect_container(id)).pids == 100);

    const auto listed = co_await docker.list_containers(test::run_label());
    REQUIRE(listed.size() == 1);
    CHECK(listed[0].id == id);
    CHECK(listed[0].name == seen.name);
    CHECK(listed[0].state == container_state::running);

    co_await docker.kill_container(id, "SIGUSR1"); // PID 1 without a handler ignores it
    co_await docker.stop_container(id, 1ms);
    co_await docker.stop_container(id, 0ms); // 304
    seen = co_await docker.inspect_container(id);
    CHECK(seen.state == container_state::exited);
    CHECK(seen.exit_code == 137);
    CHECK(seen.finished);

    co_await docker.remove_container(id);
    co_await docker.remove_container(id); // 404
    const auto inspect = [&]() -> task<> { co_await docker.inspect_container(id); };
    CHECK(co_await status_of(inspect) == 404);
  });
}

TEST_CASE("live: what the Engine refuses comes with its status and its words") {
  with_live_engine([](client& docker) -> task<> {
    const auto no_image = [&]() -> task<> { co_await docker.inspect_image("clawdspace/no such:tag?x=#"); };
    CHECK(co_await status_of(no_image) >= 400);
    const auto missing = [&]() -> task<> { co_await docker.inspect_image("clawdspace/not-there:1"); };
    CHECK(co_await status_of(missing) == 404);
    const auto create = [&]() -> task<> {
      co_await docker.create_container("clawdspace-test-none", {.image = "clawdspace/not-there:1"});
    };
    CHECK(co_await status_of(create) == 404);
    const auto up = [&]() -> task<> { co_await docker.inspect_container("../info"); };
    CHECK(co_await status_of(up) >= 300);
    const auto no_exec = [&]() -> task<> { co_await docker.start_exec("not-there", false); };
    CHECK(co_await status_of(no_exec) == 404);
    CHECK((co_await docker.inspect_image(co_await test::live_image(docker))).id.starts_with("sha256:"));
  });
}

TEST_CASE("live: both outputs of a command come apart, every byte as it was, and its code") {
  with_live_engine([](client& docker) -> task<> {
    const auto id = co_await start_one(docker, "outputs");
    auto got = co_await run(docker, id, "printf out; printf err >&2; exit 7");
    CHECK(got.output.out == "out");
    CHECK(got.output.err == "err");
    CHECK(got.code == 7);

    got = co_await run(docker, id,
                       "i=0; while [ $i -lt 256 ]; do printf \"\\\\$(printf %03o $i)\"; i=$((i+1)); done");
    std::string all;
    for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
    CHECK(got.output.out == all);
    CHECK(got.output.err.empty());
    CHECK(got.code == 0);

    got = co_await run(docker, id, "kill -9 $$");
    CHECK(got.code == 137);
  });
}

TEST_CASE(
    "live: input reaches a command to its last byte, ends when it is closed, and flows while output does") {
  with_live_engine([](client& docker) -> task<> {
    const auto id = co_await start_one(docker, "input");
    const auto exec = co_await docker.create_exec(id, {.cmd = {"cat"}, .attach_stdin = true});
    const auto stream = co_await docker.start_exec(exec, false);
    checksum sent;
    checksum got;
    const auto body = [&](nursery& children) -> task<> {
      const auto feed = [&]() -> task<> {
        std::vector<std::byte> block(64 << 10);
        std::uint32_t state = 1;
        for (int i = 0; i < 1024; ++i) { // 64 MiB
          for (auto& b : block) b = static_cast<std::byte>((state = state * 1664525 + 1013904223) >> 24);
          sent.add(block);
          co_await stream->write(block);
        }
        stream->close_input();
      };
      children.start(feed());
      for (;;) {
        const auto piece = co_await stream->read();
        if (piece.data.empty()) break;
        got.add(piece.data);
      }
      co_await children.join();
    };
    co_await with_nursery(body);
    CHECK(sent.size() == 64U << 20);
    CHECK(got == sent);
    CHECK(co_await exit_code(docker, exec) == 0);
  });
}

TEST_CASE("live: a terminal has the size it was given, and its bytes come unframed") {
  with_live_engine([](client& docker) -> task<> {
    const auto id = co_await start_one(docker, "terminal");
    const auto exec = co_await docker.create_exec(
        id, {.cmd = {"sh", "-c", "read x; stty size; echo \"$x\" >&2"}, .attach_stdin = true, .tty = true});
    const auto stream = co_await docker.start_exec(exec, true);
    asio::steady_timer pause(co_await asio::this_coro::executor);
    while ((co_await docker.inspect_exec(exec)).pid == 0) {
      pause.expires_after(5ms);
      co_await pause.async_wait(asio::use_awaitable);
    }
    co_await docker.resize_exec(exec, 33, 101);
    co_await stream->write(bytes_of("hello\n"));
    const auto got = co_await read_all(*stream);
    CHECK(got.err.empty());
    CHECK(got.out == "hello\r\n33 101\r\nhello\r\n");
    CHECK(co_await exit_code(docker, exec) == 0);
  });
}

TEST_CASE("live: an exec that has run is refused, and so is one of a container that was paused in between") {
  with_live_engine([](client& docker) -> task<> {
    const auto id = co_await start_one(docker, "refused");
    const auto exec = co_await docker.create_exec(id, {.cmd = {"true"}});
    const auto before = co_await docker.inspect_exec(exec);
    CHECK_FALSE(before.running);
    CHECK_FALSE(before.exit_code);
    co_await docker.pause_container(id);
    const auto start = [&]() -> task<> { co_await docker.start_exec(exec, false); };
    CHECK(co_await status_of(start) == 409);
    co_await docker.unpause_container(id);
    const auto stream = co_await docker.start_exec(exec, false);
    co_await read_all(*stream);
    CHECK(co_await exit_code(docker, exec) == 0);
    // An exec runs once. Some versions say so with a 409, some on what would be its output.
    std::string words;
    try {
      const auto second = co_await docker.start_exec(exec, false);
      words = (co_await read_all(*second)).out;
    } catch (const engine_error& e) {
      words = e.words();
    }
    CHECK(words.find("already run") != std::string::npos);
  });
}

namespace {

/// The events of one container from the first that comes to the one that `last` names; one that comes twice
/// counts once. Where they do not come in time the failure says which did.
task<std::vector<engine_event>> events_until(event_stream& from, std::string container, std::string last) {
  std::vector<engine_event> seen;
  const auto read = [&]() -> task<> {
    while (seen.empty() || seen.back().action != last) {
      auto one = co_await from.next();
      const auto same = [&](const engine_event& e) {
        return e.time_ns == one.time_ns && e.action == one.action;
      };
      if (one.actor_id == container && std::none_of(seen.begin(), seen.end(), same))
        seen.push_back(std::move(one)); // another test's are still in the Engine's memory
    }
  };
  try {
    co_await with_deadline(10s, read());
  } catch (const std::system_error& e) {
    if (!is_timeout(e)) throw;
    std::string came;
    for (const auto& one : seen) came += one.action + ' ';
    FAIL("no event \"" << last << "\" within 10 s; there came: " << came);
  }
  co_return seen;
}

/// Each once, in the order of their names: an exec ends when it likes, so its place beside the others is not
/// given. Under load an Engine tells of a quick pause and unpause twice (it takes the runtime's late report
/// for news), and how many signals a stop takes is its choice: those are left out.
std::string actions_of(const std::vector<engine_event>& events) {
  std::vector<std::string_view> actions;
  for (const auto& one : events)
    if (one.action != "kill") actions.push_back(one.action);
  std::sort(actions.begin(), actions.end());
  actions.erase(std::unique(actions.begin(), actions.end()), actions.end());
  return fmt::format("{}", fmt::join(actions, " "));
}

} // namespace

TEST_CASE("live: every step of a container's life is an event, also for who asks later") {
  with_live_engine([](client& docker) -> task<> {
    const auto events = co_await docker.follow_events(test::run_label(), {});
    const auto id = co_await start_one(docker, "events");
    const auto exec = co_await docker.create_exec(id, {.cmd = {"sh", "-c", "exit 3"}});
    const auto stream = co_await docker.start_exec(exec, false);
    co_await read_all(*stream);
    co_await exit_code(docker, exec);
    auto seen = co_await events_until(*events, id, "exec_die"); // the code is recorded before the event
    co_await docker.pause_container(id);
    co_await docker.unpause_container(id);
    co_await docker.update_container(id, {.pids = 50});
    co_await docker.stop_container(id, 0ms);
    co_await docker.remove_container(id);
    const auto rest = co_await events_until(*events, id, "destroy");
    seen.insert(seen.end(), rest.begin(), rest.end());

    CHECK(actions_of(seen) ==
          "create destroy die exec_create exec_die exec_start pause start stop unpause update");
    std::int64_t paused_at = 0;
    for (const auto& one : seen) {
      CAPTURE(one.action);
      CHECK(one.type == "container");
      CHECK(one.time_ns > 0);
      if (one.action == "pause") paused_at = one.time_ns;
      if (one.action != "exec_die") continue;
      CHECK(one.attributes.at("execID") == exec);
      CHECK(one.attributes.at("exitCode") == "3");
    }

    // From the middle on: the Engine remembers few events, and others may be making some.
    const auto later = co_await docker.follow_events(test::run_label(),
                                                     time_point(std::chrono::nanoseconds(paused_at) - 1us));
    CHECK(actions_of(co_await events_until(*later, id, "destroy")) ==
          "destroy die pause stop unpause update");
  });
}

TEST_CASE("live: an archive that is put somewhere comes back from there") {
  with_live_engine([](client& docker) -> task<> {
    const auto id = co_await start_one(docker, "archive");
    CHECK(
        (co_await run(docker, id, "mkdir -p /from /to && head -c 3000000 /dev/urandom > /from/file")).code ==
        0);

    std::vector<std::byte> tar;
    const auto fetch = [&]() -> task<> {
      const auto from = co_await docker.get_archive(id, "/from/file");
      std::vector<std::byte> piece(100'000);
      while (const auto size = co_await from->read_some(piece))
        tar.insert(tar.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(size));
    };
    co_await fetch();
    CHECK(tar.size() > 3'000'000);
    in_pieces source(tar);
    co_await docker.put_archive(id, "/to", source);
    CHECK((co_await run(docker, id, "cmp /from/file /to/file")).code == 0);

    const auto get_missing = [&]() -> task<> { co_await docker.get_archive(id, "/nowhere"); };
    CHECK(co_await status_of(get_missing) == 404);
    in_pieces again(tar);
    const auto put_missing = [&]() -> task<> { co_await docker.put_archive(id, "/nowhere", again); };
    CHECK(co_await status_of(put_missing) == 404);
  });
}

TEST_CASE("live: a hundred calls at once share the pool, and cancelling one leaves the others alone") {
  with_live_engine([](client& docker) -> task<> {
    int answered = 0;
    bool cancelled = false;
    const auto body = [&](nursery& children) -> task<> {
      const auto ask = [&]() -> task<> {
        co_await docker.get_info();
        ++answered;
      };
      for (int i = 0; i < 100; ++i) children.start(ask());
      const auto give_up = [&]() -> task<> {
        try {
          co_await with_deadline(1us, docker.get_info());
        } catch (const std::system_error& e) {
          cancelled = is_timeout(e);
        }
      };
      children.start(give_up());
      co_await children.join();
    };
    co_await with_nursery(body);
    CHECK(answered == 100);
    CHECK(cancelled);
    co_await docker.ping();
  });
}

TEST_CASE("live: removal by two at once is one removal") {
  with_live_engine([](client& docker) -> task<> {
    const auto id = co_await start_one(docker, "twice");
    const auto body = [&](nursery& children) -> task<> {
      for (int i = 0; i < 4; ++i) children.start(docker.remove_container(id));
      co_await children.join();
    };
    co_await with_nursery(body);
    CHECK((co_await docker.list_containers(test::run_label())).empty());
  });
}
