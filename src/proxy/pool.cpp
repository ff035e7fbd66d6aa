#include <clawdspace/proxy/pool.hpp>

#include <algorithm>

namespace clawdspace::proxy {

using std::chrono::steady_clock;

pool::pool(const asio::any_io_executor& executor, pool_limits limits)
    : limits_(limits), has_some_(executor) {}

std::unique_ptr<upstream> pool::take(const std::string& server, std::chrono::milliseconds at_most) {
  const auto found = resting_.find(server);
  if (found == resting_.end()) return nullptr;
  auto& those = found->second;
  std::unique_ptr<upstream> taken;
  while (!those.empty() && !taken) {
    if (those.back()->resting_since() + at_most < steady_clock::now()) break; // the others are older still
    taken = std::move(those.back());
    those.pop_back();
    --size_;
    if (!taken->still_open()) taken.reset();
  }
  if (those.empty()) resting_.erase(found);
  if (size_ == 0) has_some_.reset();
  return taken;
}

void pool::give(const std::string& server, std::unique_ptr<upstream> used) {
  if (!used->reusable()) return;
  used->rest();
  auto& those = resting_[server];
  those.push_back(std::move(used));
  ++size_;
  if (those.size() > limits_.per_server) {
    those.pop_front();
    --size_;
  }
  if (size_ > limits_.in_all) close_oldest();
  if (!has_some_.is_set()) has_some_.set();
}

void pool::close_oldest() {
  const auto oldest = std::ranges::min_element(
      resting_, {}, [](const auto& entry) { return entry.second.front()->resting_since(); });
  oldest->second.pop_front();
  --size_;
  if (oldest->second.empty()) resting_.erase(oldest);
}

void pool::close_older_than(steady_clock::time_point when) {
  for (auto entry = resting_.begin(); entry != resting_.end();) {
    auto& those = entry->second;
    while (!those.empty() && those.front()->resting_since() <= when) {
      those.pop_front();
      --size_;
    }
    entry = those.empty() ? resting_.erase(entry) : std::next(entry);
  }
  if (size_ == 0) has_some_.reset();
}

task<> pool::run() {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (;;) {
    co_await has_some_.wait();
    timer.expires_after(limits_.idle / 4);
    co_await timer.async_wait(asio::use_awaitable);
    close_older_than(steady_clock::now() - limits_.idle);
  }
}

} // namespace clawdspace::proxy
