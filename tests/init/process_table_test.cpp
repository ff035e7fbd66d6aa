#include "process_table.hpp"

#include <doctest/doctest.h>

#include <vector>

using clawdspace::init::choose_descendants;
using clawdspace::init::process;

namespace {

std::vector<pid_t> chosen(std::vector<process> table) {
  choose_descendants(table.data(), table.size());
  std::vector<pid_t> pids;
  for (const process& p : table)
    if (p.chosen) pids.push_back(p.pid);
  return pids;
}

process of(pid_t pid, pid_t parent, bool root = false) { return {pid, parent, 'S', root}; }

} // namespace

TEST_CASE("descendants are chosen at any depth, and nobody else") {
  CHECK(chosen({of(1, 0), of(5, 0, true), of(6, 5), of(7, 6), of(8, 1), of(9, 7), of(10, 8)}) ==
        std::vector<pid_t>{5, 6, 7, 9});
}

TEST_CASE("children with a lower pid than their parent are found too") {
  CHECK(chosen({of(2, 3), of(3, 90), of(4, 2), of(50, 1), of(80, 0, true), of(90, 80)}) ==
        std::vector<pid_t>{2, 3, 4, 80, 90});
  std::vector<process> chain;
  for (pid_t pid = 1; pid < 5000; ++pid) chain.push_back(of(pid, pid + 1));
  chain.push_back(of(5000, 0, true));
  CHECK(chosen(chain).size() == 5000);
}

TEST_CASE("a parent that is gone, a ring of parents and an empty table trap nobody") {
  CHECK(chosen({}).empty());
  CHECK(chosen({of(3, 4), of(4, 3), of(5, 99), of(6, 6), of(7, 0, true)}) == std::vector<pid_t>{7});
}
