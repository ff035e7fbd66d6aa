#include "constant_time.hpp"
#include <clawdspace/api/tickets.hpp>
#include <clawdspace/core/random.hpp>

namespace clawdspace::api {

using namespace std::chrono_literals;

namespace {

constexpr auto life = 30s;
constexpr std::size_t most = 1'000;
constexpr std::size_t entropy = 20; // bytes

} // namespace

void tickets::drop_expired() {
  const auto now = clock_.now();
  while (!open_.empty() && (open_.front().expires <= now || open_.size() > most)) open_.pop_front();
}

tickets::ticket tickets::issue() {
  open_.push_back({random_hex(entropy), clock_.now() + life});
  drop_expired();
  return open_.back();
}

bool tickets::redeem(std::string_view text) {
  drop_expired();
  for (auto it = open_.begin(); it != open_.end(); ++it) {
    if (!equal_in_constant_time(it->text, text)) continue;
    open_.erase(it);
    return true;
  }
  return false;
}

} // namespace clawdspace::api
