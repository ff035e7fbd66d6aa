#include "constant_time.hpp"
#include <clawdspace/api/tickets.hpp>
#include <clawdspace/core/random.hpp>

namespace clawdspace::api {

using namespace std::chrono_literals;

namespace {

constexpr auto life = 30s;
constexpr auto session_life = 10min;
constexpr std::size_t most = 1'000;
constexpr std::size_t entropy = 20; // bytes

} // namespace

void tickets::drop_expired() {
  const auto now = clock_.now();
  std::erase_if(open_, [&](const ticket& t) { return t.expires <= now; });
  while (open_.size() > most) open_.pop_front();
}

tickets::ticket tickets::issue(purpose what) {
  open_.push_back(
      {random_hex(entropy), clock_.now() + (what == purpose::session ? session_life : life), what});
  drop_expired();
  return open_.back();
}

bool tickets::redeem(std::string_view text, purpose what) {
  drop_expired();
  for (auto it = open_.begin(); it != open_.end(); ++it) {
    if (it->what != what || !equal_in_constant_time(it->text, text)) continue;
    open_.erase(it);
    return true;
  }
  return false;
}

} // namespace clawdspace::api
