#include "../space/moved_clock.hpp"
#include <clawdspace/api/tickets.hpp>

#include <asio/io_context.hpp>
#include <doctest/doctest.h>

using namespace clawdspace;
using namespace std::chrono_literals;

namespace {

struct counter_of_tickets {
  asio::io_context loop;
  test::moved_clock time{loop.get_executor()};
  api::tickets known{time};
};

} // namespace

TEST_CASE("a ticket is good once") {
  counter_of_tickets at;
  const auto given = at.known.issue();
  CHECK(given.text.size() >= 32);
  CHECK(given.expires == at.time.now() + 30s);
  CHECK(at.known.redeem(given.text));
  CHECK_FALSE(at.known.redeem(given.text));
}

TEST_CASE("a ticket that was never given opens nothing, nor does the beginning of one that was") {
  counter_of_tickets at;
  const auto given = at.known.issue();
  CHECK_FALSE(at.known.redeem(""));
  CHECK_FALSE(at.known.redeem(given.text.substr(1)));
  CHECK_FALSE(at.known.redeem(std::string(given.text.size(), '0')));
  CHECK(at.known.redeem(given.text));
}

TEST_CASE("a ticket is good for half a minute") {
  counter_of_tickets at;
  const auto in_time = at.known.issue();
  const auto late = at.known.issue();
  at.time.advance(30s - 1ms);
  CHECK(at.known.redeem(in_time.text));
  at.time.advance(1ms);
  CHECK_FALSE(at.known.redeem(late.text));
}

TEST_CASE("of a thousand unused tickets the oldest makes room for the next") {
  counter_of_tickets at;
  const auto first = at.known.issue();
  const auto second = at.known.issue();
  for (int i = 0; i < 999; ++i) (void)at.known.issue();
  CHECK_FALSE(at.known.redeem(first.text));
  CHECK(at.known.redeem(second.text));
}

TEST_CASE(
    "a ticket for one thing is good for that alone, and one for a session waits ten minutes for a person") {
  using purpose = api::tickets::purpose;
  counter_of_tickets at;
  const auto link = at.known.issue(purpose::session);
  const auto terminal = at.known.issue();
  CHECK_FALSE(at.known.redeem(link.text));
  CHECK_FALSE(at.known.redeem(terminal.text, purpose::session));
  CHECK(at.known.redeem(terminal.text));
  at.time.advance(10min - 1s);
  CHECK(at.known.redeem(link.text, purpose::session));
  CHECK_FALSE(at.known.redeem(link.text, purpose::session));
  const auto late = at.known.issue(purpose::session);
  at.time.advance(10min);
  CHECK_FALSE(at.known.redeem(late.text, purpose::session));
}
