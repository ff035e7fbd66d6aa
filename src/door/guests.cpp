#include "greeting.hpp"
#include <clawdspace/core/log.hpp>
#include <clawdspace/door/protocol.hpp>

#include <algorithm>
#include <cerrno>

// Who knocks at a door, and who is let in.

namespace clawdspace::door {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t most_guests = 4;
constexpr std::size_t connects_at_once = connecting_limit * 3 / 4;
constexpr int guests_a_turn = 16;
constexpr int refusals_a_second = 64; // then the space is made to wait
constexpr auto rest = 200ms;

} // namespace

door::door(const asio::any_io_executor& executor, std::filesystem::path folder, patience how_long)
    : executor_(executor), folder_(std::move(folder)), patience_(how_long), penalty_(how_long.penalty),
      changed_(executor), connecting_(executor, connects_at_once), children_(executor) {}

void door::listen() {
  if (listener_ && listener_->is_in_place()) return;
  if (listener_) listener_->close();
  const bool first = !listener_;
  listener_.emplace(executor_, folder_);
  if (first) children_.start(receive_guests());
}

task<> door::close() {
  give_up("the daemon has let go of the space");
  children_.cancel();
  try {
    co_await children_.join();
  } catch (const std::exception& e) {
    log_warning("a door had failed before it was closed",
                {field("door", folder_.string()), field("reason", e.what())});
  }
  guests_.clear();
  if (listener_) listener_->close();
}

task<> door::receive_guests() {
  asio::steady_timer timer{executor_};
  auto second = std::chrono::steady_clock::now();
  int refused = 0;
  for (;;) {
    if (const auto now = std::chrono::steady_clock::now(); now < not_before_) {
      timer.expires_at(not_before_);
      co_await timer.async_wait(asio::use_awaitable);
      continue;
    }
    int received = 0;
    for (; received < guests_a_turn; ++received) {
      auto who = listener_->accept();
      if (!who) break;
      const auto before = link_;
      const auto waiting = guests_.size();
      admit(std::move(*who));
      if (link_ == before && guests_.size() == waiting) ++refused;
    }
    const bool full = received == 0 && errno != EAGAIN && errno != ECONNABORTED && errno != EINTR;
    if (std::chrono::steady_clock::now() - second > 1s) {
      second = std::chrono::steady_clock::now();
      refused = 0;
    }
    if (full || refused > refusals_a_second) {
      timer.expires_after(rest); // no descriptors are left, or the space knocks without end
      co_await timer.async_wait(asio::use_awaitable);
      continue;
    }
    // Not an error of ours where `listen` has put another socket in its place: its turn is next.
    const auto ec = co_await listener_->knock();
    if (ec && ec != asio::error::operation_aborted) throw std::system_error(ec, "the door");
  }
}

void door::admit(listener::guest who) {
  auto connection = std::make_shared<link>(executor_, std::move(who.socket), who.process);
  if (expected_ != 0 && who.process == expected_) {
    lose_link(); // it would not come again if it still had the old one
    link_ = connection;
    children_.start(serve(std::move(connection)));
    return;
  }
  if (open_) return; // whoever that is, the right one is here
  std::erase_if(guests_, [](const guest& g) { return g.connection->is_dead(); });
  if (guests_.size() >= most_guests) return;
  guests_.push_back({std::move(connection), std::chrono::steady_clock::now()});
  if (guests_.size() == 1) children_.start(drop_late_guests());
  changed_.bump();
}

bool door::has_nameless_guest() const {
  return std::ranges::any_of(guests_, [](const guest& g) { return g.connection->peer() == 0; });
}

void door::expect(pid_t first_process) {
  expected_ = first_process;
  if (first_process == 0) return;
  for (auto& g : std::exchange(guests_, {})) {
    if (g.connection->peer() != expected_ || g.connection->is_dead()) continue;
    lose_link();
    link_ = g.connection;
    children_.start(serve(std::move(g.connection)));
  }
  if (link_ && link_->peer() != expected_) lose_link();
  changed_.bump();
}

task<> door::drop_late_guests() {
  while (!guests_.empty()) {
    const auto until = guests_.front().since + patience_.unknown;
    if (std::chrono::steady_clock::now() >= until) {
      guests_.erase(guests_.begin());
      continue;
    }
    asio::steady_timer timer{executor_, until};
    co_await timer.async_wait(asio::use_awaitable);
  }
}

void door::lose_link() {
  if (!link_) return;
  link_->close();
  link_.reset();
  greeting_.reset();
  if (!std::exchange(open_, false)) return;
  std::erase_if(followed_, [](const auto& one) { return one.second.expired(); });
  for (const auto& [id, one] : followed_) one.lock()->changed.bump();
  changed_.bump();
}

// The space has done what an init does not do: it is not heard for a while.
void door::accuse(const std::string& why) {
  const auto now = std::chrono::steady_clock::now();
  if (now - blamed_at_ > 64 * patience_.penalty) penalty_ = patience_.penalty;
  log_warning("a space misused its door: it is shut for a while",
              {field("door", folder_.string()), field("reason", why), field("ms", penalty_.count())});
  blamed_at_ = now;
  not_before_ = now + penalty_;
  penalty_ = std::min(penalty_ * 2, 64 * patience_.penalty);
  lose_link();
}

} // namespace clawdspace::door
