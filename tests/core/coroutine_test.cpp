#include <clawdspace/core/gate.hpp>
#include <clawdspace/core/nursery.hpp>

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <support/run_coroutine.hpp>
#include <vector>

using namespace clawdspace;
using namespace std::chrono_literals;

namespace {

task<> wait_for_ever(bool& ended) {
  struct note {
    bool& flag;
    ~note() { flag = true; }
  } at_end{ended};
  event never(co_await asio::this_coro::executor);
  co_await never.wait();
}

task<> fail() {
  co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  throw std::runtime_error("child failed");
}

task<int> answer() { co_return 42; }

} // namespace

TEST_CASE("a deadline ends what it was set for, and a value that came in time is given") {
  test::run_coroutine([](asio::io_context&) -> task<> {
    CHECK(co_await with_deadline(1s, answer()) == 42);
    bool ended = false;
    bool late = false;
    try {
      co_await with_deadline(5ms, wait_for_ever(ended));
    } catch (const std::system_error& e) {
      late = is_timeout(e);
    }
    CHECK(late);
    CHECK(ended);
  });
}

TEST_CASE("the first child that fails ends its siblings, and the nursery's owner hears of it") {
  test::run_coroutine([](asio::io_context&) -> task<> {
    bool sibling_ended = false;
    std::string heard;
    const auto body = [&](nursery& children) -> task<> {
      children.start(wait_for_ever(sibling_ended));
      children.start(fail());
      co_return;
    };
    try {
      co_await with_nursery(body);
    } catch (const std::runtime_error& e) {
      heard = e.what();
    }
    CHECK(heard == "child failed");
    CHECK(sibling_ended);
  });
}

TEST_CASE("a child that is started after its siblings were cancelled is cancelled as well") {
  test::run_coroutine([](asio::io_context&) -> task<> {
    bool ended = false;
    const auto over_at_once = [](nursery& siblings) -> task<> {
      siblings.cancel();
      co_return;
    };
    const auto body = [&](nursery& children) -> task<> {
      children.start(over_at_once(children));
      children.start(wait_for_ever(ended));
      co_return;
    };
    co_await with_deadline(1s, with_nursery(body));
    CHECK(ended);
  });
}

TEST_CASE("children end before a cancelled owner does") {
  test::run_coroutine([](asio::io_context&) -> task<> {
    bool child_ended = false;
    const auto body = [&](nursery& children) -> task<> {
      children.start(wait_for_ever(child_ended));
      bool ignored = false;
      co_await wait_for_ever(ignored);
    };
    const auto owner = [&]() -> task<> { co_await with_nursery(body); };
    CHECK_THROWS(co_await with_deadline(5ms, owner()));
    CHECK(child_ended);
  });
}

TEST_CASE("a gate lets one in at a time, in order, and forgets a waiter that was cancelled") {
  test::run_coroutine([](asio::io_context& loop) -> task<> {
    gate door(loop.get_executor());
    std::vector<int> order;
    const auto visit = [&](int who) -> task<> {
      const auto pass = co_await door.enter();
      order.push_back(who);
      co_await asio::post(loop, asio::use_awaitable);
      order.push_back(who);
    };
    nursery visitors(loop.get_executor());
    {
      const auto held = co_await door.enter();
      CHECK_THROWS(co_await with_deadline(1ms, visit(0)));
      for (int who = 1; who <= 3; ++who) visitors.start(visit(who));
      co_await asio::post(loop, asio::use_awaitable);
      CHECK(order.empty());
    }
    co_await visitors.join();
    CHECK(order == std::vector{1, 1, 2, 2, 3, 3});
  });
}
