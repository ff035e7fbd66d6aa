#include <clawdspace/core/nursery.hpp>
#include <clawdspace/space/starts.hpp>

#include <asio/post.hpp>
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <support/run_coroutine.hpp>
#include <vector>

using namespace clawdspace;
using namespace std::chrono_literals;
using spaces::starts;

namespace {

/// Commands that begin, and in which order.
struct beginners {
  explicit beginners(starts& among) : among_(among) {}

  task<> begin(std::string space, std::string name) {
    auto pass = co_await among_.enter(std::move(space));
    order += name;
    held.push_back(std::move(pass));
  }

  std::string order;
  std::vector<starts::pass> held;

 private:
  starts& among_;
};

task<> others_have_their_turn(asio::io_context& loop) {
  for (int i = 0; i < 4; ++i) co_await asio::post(loop, asio::use_awaitable);
}

} // namespace

TEST_CASE("as many commands begin at once as there is room for, and the next when one has ended") {
  test::run_coroutine([](asio::io_context& loop) -> task<> {
    starts turns(loop.get_executor(), 2, 1h);
    beginners all(turns);
    nursery children(loop.get_executor());
    for (const auto* name : {"1", "2", "3", "4"}) children.start(all.begin("dev", name));
    co_await others_have_their_turn(loop);
    CHECK(all.order == "12");
    all.held.front().reset();
    co_await others_have_their_turn(loop);
    CHECK(all.order == "123");
    all.held.clear();
    co_await children.join();
    CHECK(all.order == "1234");
  });
}

TEST_CASE(
    "spaces take turns: one that asks for much makes another wait for one of its commands, not for all") {
  test::run_coroutine([](asio::io_context& loop) -> task<> {
    starts turns(loop.get_executor(), 1, 1h);
    beginners all(turns);
    nursery children(loop.get_executor());
    for (const auto* name : {"a", "b", "c", "d"}) children.start(all.begin("busy", name));
    for (const auto* name : {"1", "2"}) children.start(all.begin("calm", name));
    while (all.order.size() < 6) {
      if (!all.held.empty()) all.held.clear();
      co_await others_have_their_turn(loop);
    }
    co_await children.join();
    CHECK(all.order == "ab1c2d");
  });
}

TEST_CASE("a command that goes on, or that is never heard of, keeps others waiting for a moment only") {
  test::run_coroutine([](asio::io_context& loop) -> task<> {
    starts turns(loop.get_executor(), 1, 1ms);
    beginners all(turns);
    nursery children(loop.get_executor());
    for (const auto* name : {"1", "2", "3"}) children.start(all.begin("dev", name));
    co_await children.join();
    CHECK(all.order == "123");
    CHECK(all.held.size() == 3);
  });
}

TEST_CASE("who gives up while waiting takes nobody's turn") {
  test::run_coroutine([](asio::io_context& loop) -> task<> {
    starts turns(loop.get_executor(), 1, 1h);
    beginners all(turns);
    nursery stays(loop.get_executor());
    nursery leaves(loop.get_executor());
    stays.start(all.begin("dev", "1"));
    leaves.start(all.begin("dev", "x"));
    leaves.start(all.begin("other", "y"));
    stays.start(all.begin("dev", "2"));
    leaves.cancel();
    co_await leaves.join();
    all.held.clear();
    co_await stays.join();
    CHECK(all.order == "12");
  });
}

TEST_CASE("who gives up with the turn just given hands it on") {
  test::run_coroutine([](asio::io_context& loop) -> task<> {
    starts turns(loop.get_executor(), 1, 1h);
    beginners all(turns);
    nursery stays(loop.get_executor());
    nursery leaves(loop.get_executor());
    stays.start(all.begin("dev", "1"));
    leaves.start(all.begin("dev", "x"));
    stays.start(all.begin("dev", "2"));
    all.held.clear(); // x has the turn, and does not know yet
    leaves.cancel();
    co_await leaves.join();
    all.held.clear();
    co_await stays.join();
    CHECK(all.order.ends_with("2"));
  });
}

TEST_CASE("what waited for a turn may be gone when its time comes") {
  test::run_coroutine([](asio::io_context& loop) -> task<> {
    auto turns = std::make_unique<starts>(loop.get_executor(), 1, 1ms);
    beginners all(*turns);
    nursery children(loop.get_executor());
    for (const auto* name : {"1", "2"}) children.start(all.begin("dev", name));
    const auto due = std::chrono::steady_clock::now() + 2ms;
    while (std::chrono::steady_clock::now() < due) {
    } // its timer is due, and has not been heard
    children.cancel();
    co_await children.join();
    turns.reset();
    co_await others_have_their_turn(loop);
    CHECK(all.order.starts_with("1"));
  });
}

TEST_CASE("a pass may outlive whoever gave it") {
  test::run_coroutine([](asio::io_context& loop) -> task<> {
    auto turns = std::make_unique<starts>(loop.get_executor(), 1, 1h);
    auto pass = co_await turns->enter("dev");
    turns.reset();
    pass.reset();
    CHECK(pass == nullptr);
  });
}
