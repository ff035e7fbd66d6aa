#include "connection.hpp"
#include "service.hpp"
#include <clawdspace/core/event.hpp>
#include <clawdspace/core/log.hpp>
#include <clawdspace/core/unique_fd.hpp>
#include <clawdspace/http/server.hpp>

#include <asio/post.hpp>

#include <algorithm>
#include <fcntl.h>
#include <list>
#include <sys/socket.h>
#include <unordered_set>

namespace clawdspace::http {

namespace {

using namespace std::chrono_literals;

/// Connections past the limit that are being told so; those past this one as well are just closed.
constexpr std::size_t turned_away_at_once = 256;
/// Accepted in one go before the connections that are there get a turn.
constexpr int accepted_at_once = 64;
/// A shortage is told once in this time, however many it meets.
constexpr auto shortage_silence = 60s;
/// How long to wait for a descriptor where none is free; one of our own that closes ends the wait.
constexpr auto descriptor_wait = 100ms;

unique_fd open_reserve() { return unique_fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

bool is_shortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

std::chrono::milliseconds often_enough(std::chrono::milliseconds shortest,
                                       std::chrono::milliseconds at_most) {
  return std::clamp(shortest / 8, std::chrono::milliseconds(5), at_most);
}

} // namespace

class server::impl {
 public:
  impl(const asio::any_io_executor& executor, server_limits limits, server_hooks hooks);

  asio::ip::tcp::endpoint listen(const asio::ip::tcp::endpoint& where);
  task<> run();
  void stop();
  [[nodiscard]] bool stopping() const noexcept { return service_.stopping; }
  [[nodiscard]] std::size_t connection_count() const noexcept { return connections_.size(); }

 private:
  task<> accept(asio::ip::tcp::acceptor& from);
  /// Takes those that wait; false where there was no descriptor for one.
  task<bool> accept_waiting(asio::ip::tcp::acceptor& from);
  bool shed_one(asio::ip::tcp::acceptor& from);
  void admit(unique_fd fd, const asio::ip::tcp::endpoint& peer, asio::ip::tcp protocol);
  task<> host(std::unique_ptr<connection> guest);
  task<> refuse(std::unique_ptr<connection> guest);
  task<> watch();
  task<> drain();
  void free_descriptor_came();

  asio::any_io_executor executor_;
  service service_;
  std::list<asio::ip::tcp::acceptor> acceptors_;
  std::unordered_set<connection*> connections_;
  std::size_t being_refused_ = 0;
  unique_fd reserve_; ///< what is closed to take, and turn away, a connection that there is no descriptor for
  steady_time shortage_told_{};
  event stop_asked_;
  asio::steady_timer descriptor_timer_;
  asio::steady_timer watch_timer_;
  asio::steady_timer drain_timer_;
  bool hurry_ = false;
  nursery sessions_;
  nursery tasks_; ///< accepting, watching
};

server::impl::impl(const asio::any_io_executor& executor, server_limits limits, server_hooks hooks)
    : executor_(executor), service_(executor, limits, std::move(hooks)), reserve_(open_reserve()),
      stop_asked_(executor), descriptor_timer_(executor), watch_timer_(executor), drain_timer_(executor),
      sessions_(executor), tasks_(executor) {}

asio::ip::tcp::endpoint server::impl::listen(const asio::ip::tcp::endpoint& where) {
  asio::ip::tcp::acceptor opened(executor_, where.protocol());
  opened.set_option(asio::socket_base::reuse_address(true));
  opened.bind(where);
  opened.listen(asio::socket_base::max_listen_connections);
  opened.non_blocking(true);
  const auto bound = opened.local_endpoint();
  acceptors_.push_back(std::move(opened));
  return bound;
}

void server::impl::admit(unique_fd fd, const asio::ip::tcp::endpoint& peer, asio::ip::tcp protocol) {
  asio::ip::tcp::socket socket(executor_);
  std::error_code failed;
  socket.assign(protocol, fd.value(), failed);
  if (failed) {
    log_error("a connection could not be watched", {clawdspace::field("failure", failed.message())});
    return;
  }
  fd.release();
  auto guest = std::make_unique<connection>(std::move(socket), peer, service_);
  if (connections_.size() < service_.limits.connections) {
    if (connections_.empty()) watch_timer_.cancel();
    connections_.insert(guest.get());
    sessions_.start(host(std::move(guest)));
  } else if (being_refused_ < turned_away_at_once) {
    ++being_refused_;
    sessions_.start(refuse(std::move(guest)));
  }
}

task<> server::impl::host(std::unique_ptr<connection> guest) {
  std::exception_ptr failure;
  try {
    co_await guest->serve();
  } catch (...) {
    failure = std::current_exception();
  }
  connections_.erase(guest.get());
  guest.reset();
  free_descriptor_came();
  // One connection's failure is nobody else's.
  if (failure && !is_cancellation(failure))
    log_error("a connection ended in a failure", {clawdspace::field("failure", describe(failure))});
}

task<> server::impl::refuse(std::unique_ptr<connection> guest) {
  std::exception_ptr failure;
  try {
    co_await guest->turn_away(refusal(service_, "the server has as many connections as it is allowed to"));
  } catch (...) {
    failure = std::current_exception();
  }
  guest.reset();
  --being_refused_;
  free_descriptor_came();
  if (failure && !is_cancellation(failure))
    log_debug("a connection past the limit ended early", {clawdspace::field("failure", describe(failure))});
}

void server::impl::free_descriptor_came() {
  descriptor_timer_.cancel();
  if (service_.stopping && sessions_.size() <= 1) drain_timer_.cancel(); // this one is still in the nursery
}

bool server::impl::shed_one(asio::ip::tcp::acceptor& from) {
  if (const auto now = std::chrono::steady_clock::now(); now >= shortage_told_ + shortage_silence) {
    shortage_told_ = now;
    log_error("no descriptor is free: connections are turned away");
  }
  if (!reserve_) reserve_ = open_reserve();
  if (!reserve_) return false;
  reserve_.reset();
  unique_fd fd(::accept4(from.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  const bool took = static_cast<bool>(fd);
  if (took) {
    // What has come is read, so that closing does not send a reset over the answer.
    std::array<char, 4096> scrap;
    while (::recv(fd.value(), scrap.data(), scrap.size(), MSG_DONTWAIT) > 0) {
    }
    const auto last_word = refusal(service_, "the server has no descriptor free for a connection");
    if (::send(fd.value(), last_word.data(), last_word.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
      log_debug("a connection was closed without a word");
  }
  fd.reset();
  reserve_ = open_reserve();
  return took;
}

task<bool> server::impl::accept_waiting(asio::ip::tcp::acceptor& from) {
  for (int taken = 0;;) {
    if (++taken > accepted_at_once) {
      taken = 0;
      co_await asio::post(executor_, asio::use_awaitable);
    }
    if (service_.stopping) co_return true;
    asio::ip::tcp::endpoint peer;
    auto size = static_cast<socklen_t>(peer.capacity());
    unique_fd fd(::accept4(from.native_handle(), peer.data(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      peer.resize(size);
      admit(std::move(fd), peer, peer.protocol());
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) co_return true;
    if (!is_shortage(errno)) continue; // of one connection that is gone already (accept(2))
    if (!shed_one(from)) co_return false;
  }
}

task<> server::impl::accept(asio::ip::tcp::acceptor& from) {
  while (!service_.stopping) {
    if (co_await accept_waiting(from)) {
      if (service_.stopping) break;
      co_await from.async_wait(asio::socket_base::wait_read, nothrow);
    } else {
      descriptor_timer_.expires_after(descriptor_wait);
      co_await descriptor_timer_.async_wait(nothrow);
    }
  }
}

task<> server::impl::watch() {
  const auto& limits = service_.limits;
  const auto shortest =
      std::min({limits.idle, limits.head_time, limits.body_time, limits.write_time, limits.websocket_ping,
                limits.websocket_silence, limits.websocket_close, 8'000ms});
  const auto turn = often_enough(shortest, 1s);
  const auto silence_turn = std::max(turn, often_enough(limits.write_time, 5s));
  auto silence_due = std::chrono::steady_clock::now() + silence_turn;
  for (;;) {
    if (connections_.empty())
      watch_timer_.expires_at(steady_time::max()); // until the next one comes
    else
      watch_timer_.expires_after(turn);
    co_await watch_timer_.async_wait(nothrow);
    const auto now = std::chrono::steady_clock::now();
    for (auto* each : connections_) each->look(now);
    if (now < silence_due) continue;
    silence_due = now + silence_turn;
    for (auto* each : connections_) each->look_for_silence(now);
  }
}

void server::impl::stop() {
  if (service_.stopping) {
    hurry_ = true;
    drain_timer_.cancel();
    return;
  }
  service_.stopping = true;
  for (auto& each : acceptors_) {
    std::error_code ignored; // closed is closed
    each.close(ignored);
  }
  for (auto* each : connections_) each->go_away();
  descriptor_timer_.cancel();
  stop_asked_.set();
}

task<> server::impl::drain() {
  drain_timer_.expires_after(service_.limits.drain);
  while (!hurry_ && !sessions_.empty() && drain_timer_.expiry() > std::chrono::steady_clock::now()) {
    co_await drain_timer_.async_wait(nothrow);
    // Let the session that ended the wait leave the nursery.
    co_await asio::post(executor_, asio::use_awaitable);
  }
}

task<> server::impl::run() {
  std::exception_ptr failure;
  try {
    for (auto& each : acceptors_) tasks_.start(accept(each));
    tasks_.start(watch());
    co_await stop_asked_.wait();
    co_await drain();
  } catch (...) {
    failure = std::current_exception();
  }
  co_await asio::this_coro::throw_if_cancelled(false); // what runs is always waited for
  if (!service_.stopping) stop();
  sessions_.cancel();
  co_await sessions_.join();
  tasks_.cancel();
  co_await tasks_.join();
  co_await asio::this_coro::throw_if_cancelled(true);
  if (failure) std::rethrow_exception(failure);
}

server::server(const asio::any_io_executor& executor, server_limits limits, server_hooks hooks)
    : impl_(std::make_unique<impl>(executor, limits, std::move(hooks))) {}
server::~server() = default;

asio::ip::tcp::endpoint server::listen(const asio::ip::tcp::endpoint& where) { return impl_->listen(where); }
task<> server::run() { return impl_->run(); }
void server::stop() { impl_->stop(); }
bool server::stopping() const noexcept { return impl_->stopping(); }
std::size_t server::connection_count() const noexcept { return impl_->connection_count(); }

} // namespace clawdspace::http
