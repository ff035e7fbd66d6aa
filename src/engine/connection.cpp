#include "connection.hpp"

#include <clawdspace/core/unique_fd.hpp>

#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <utility>

namespace clawdspace::engine {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t buffer_size = 32 << 10;

bool is_cancelled(const std::error_code& ec) { return ec == asio::error::operation_aborted; }

[[noreturn]] void unreachable(const endpoint& where, const std::error_code& ec) {
  if (is_cancelled(ec)) throw std::system_error(ec);
  throw error(errc::engine_unavailable,
              fmt::format("cannot reach the Docker Engine at {}: {}", where.to_string(), ec.message()));
}

std::error_code last_error() { return {errno, std::system_category()}; }

/// By hand: where the listener's queue is full a unix socket's connect is to be tried again, and Asio takes
/// it for connected.
std::error_code connect_now(int fd, const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), name.sun_path); // endpoint::parse saw to its length
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0) return {};
  return last_error();
}

task<stream_socket> connect_unix(const endpoint& where) {
  const auto executor = co_await asio::this_coro::executor;
  unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) unreachable(where, last_error());
  asio::steady_timer pause(executor);
  for (auto wait = 1ms;; wait = std::min(wait * 2, 50ms)) {
    const auto ec = connect_now(fd.value(), where.socket_path);
    if (!ec) break;
    if (ec != std::errc::resource_unavailable_try_again) unreachable(where, ec);
    pause.expires_after(wait); // the kernel tells nobody when there is room in the queue
    co_await pause.async_wait(asio::use_awaitable);
  }
  stream_socket made(executor);
  made.assign(asio::generic::stream_protocol(AF_UNIX, 0), fd.value());
  fd.release();
  co_return made;
}

void set_option(stream_socket& socket, int level, int name, int value) {
  // A kernel that lacks one of them only notices a dead peer later.
  ::setsockopt(socket.native_handle(), level, name, &value, sizeof value);
}

task<stream_socket> connect_tcp(const endpoint& where) {
  const auto executor = co_await asio::this_coro::executor;
  std::vector<asio::ip::tcp::endpoint> targets;
  std::error_code failure;
  if (const auto address = asio::ip::make_address(where.host, failure); !failure) {
    targets.emplace_back(address, where.port);
  } else {
    asio::ip::tcp::resolver resolver(executor);
    auto [ec, found] = co_await resolver.async_resolve(where.host, std::to_string(where.port), nothrow);
    if (ec) unreachable(where, ec);
    for (const auto& one : found) targets.push_back(one.endpoint());
  }
  for (const auto& target : targets) {
    stream_socket made(executor, asio::generic::stream_protocol(target.protocol()));
    auto [ec] = co_await made.async_connect(asio::generic::stream_protocol::endpoint(target), nothrow);
    failure = ec;
    if (is_cancelled(ec)) break;
    if (ec) continue;
    set_option(made, IPPROTO_TCP, TCP_NODELAY, 1);
    // A machine that vanished is noticed within a minute, also behind an event stream that is silent.
    set_option(made, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(made, IPPROTO_TCP, TCP_KEEPIDLE, 30);
    set_option(made, IPPROTO_TCP, TCP_KEEPINTVL, 10);
    set_option(made, IPPROTO_TCP, TCP_KEEPCNT, 3);
    set_option(made, IPPROTO_TCP, TCP_USER_TIMEOUT, 60'000);
    co_return made;
  }
  unreachable(where, failure);
}

/// What the socket takes without waiting; 0: nothing now.
std::size_t send_now(int fd, std::span<const std::byte> data) {
  for (;;) {
    const auto sent = ::send(fd, data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) throw std::system_error(last_error());
  }
}

/// Whether a read would give something, be it the end.
bool has_news(int fd) {
  std::byte one{};
  return ::recv(fd, &one, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

} // namespace

task<> send_all(stream_socket& to, std::span<const std::byte> data) {
  while (!data.empty()) {
    const auto sent = send_now(to.native_handle(), data);
    data = data.subspan(sent);
    if (sent == 0) co_await to.async_wait(stream_socket::wait_write, asio::use_awaitable);
  }
}

task<std::unique_ptr<connection>> connection::open(const endpoint& where) {
  // Not `?:`: co_await in its branches is where compilers have gone wrong.
  if (where.is_local())
    co_return std::make_unique<connection>(co_await connect_unix(where), where.to_string());
  co_return std::make_unique<connection>(co_await connect_tcp(where), where.to_string());
}

connection::connection(stream_socket socket, std::string peer)
    : socket_(std::move(socket)), peer_(std::move(peer)), parser_(http::parser::role::client, {}) {}

void connection::lost(std::string_view how) const {
  throw connection_lost(fmt::format("the Docker Engine at {} {}: {}", peer_,
                                    answer_begun_ ? "broke off its answer" : "did not answer", how),
                        request_sent_, answer_begun_);
}

void connection::lost(const std::error_code& how) const {
  if (is_cancelled(how)) throw std::system_error(how);
  lost(how.message());
}

task<> connection::send(std::span<const std::byte> data) {
  request_sent_ = answer_begun_ = over_ = false;
  try {
    co_await send_all(socket_, data);
  } catch (const std::system_error& e) {
    lost(e.code());
  }
  request_sent_ = true;
}

task<bool> connection::send_unless_answered(std::span<const std::byte> data) {
  while (!data.empty()) {
    if (has_news(socket_.native_handle())) co_return true;
    std::size_t sent = 0;
    try {
      sent = send_now(socket_.native_handle(), data);
    } catch (const std::system_error&) {
      co_return true; // what there is to know about it, reading the answer tells
    }
    data = data.subspan(sent);
    if (sent > 0) continue;
    co_await make_parallel_group(socket_.async_wait(stream_socket::wait_read, deferred),
                                 socket_.async_wait(stream_socket::wait_write, deferred))
        .async_wait(wait_for_one(), asio::use_awaitable);
  }
  co_return false;
}

task<> connection::receive() {
  if (buffer_.empty()) buffer_.resize(buffer_size);
  auto [ec, size] = co_await socket_.async_read_some(asio::buffer(buffer_), nothrow);
  if (ec == asio::error::eof) {
    unread_ = {};
    co_return;
  }
  if (ec) lost(ec);
  answer_begun_ = true;
  unread_ = std::span<const std::byte>(buffer_).first(size);
}

task<http::parse_step> connection::next_step() {
  for (;;) {
    auto step = parser_.feed(unread_);
    if (step && step->what == http::parse_step::kind::need_more) {
      co_await receive();
      if (!unread_.empty()) continue;
      if (!answer_begun_) lost("it closed the connection");
      keep_alive_ = false;
      step = parser_.finish();
      if (!step || step->what != http::parse_step::kind::end) lost("it closed the connection");
    }
    if (!step)
      throw error(errc::engine_failed,
                  fmt::format("what answers at {} does not speak HTTP as a Docker Engine does: {}", peer_,
                              step.error().what()));
    unread_ = unread_.subspan(step->taken);
    co_return *step;
  }
}

task<http::response_head> connection::read_head(std::string_view method, bool stream) {
  parser_.expect_response_to(method, stream);
  for (;;) {
    const auto step = co_await next_step();
    if (step.what != http::parse_step::kind::head) continue;
    auto head = std::move(parser_.response());
    if (!head.keep_alive) keep_alive_ = false;
    // As the parser has it: what follows is no body then.
    upgraded_ =
        stream && (head.status == 101 || (head.status == 200 && !head.headers.contains("content-length") &&
                                          !head.headers.contains("transfer-encoding")));
    co_return head;
  }
}

task<std::span<const std::byte>> connection::read_body() {
  while (!over_) {
    const auto step = co_await next_step();
    if (step.what == http::parse_step::kind::body && !step.data.empty()) co_return step.data;
    if (step.what == http::parse_step::kind::end) over_ = true;
  }
  co_return std::span<const std::byte>{};
}

bool connection::reusable() const { return over_ && keep_alive_ && unread_.empty() && !upgraded_; }

bool connection::still_open() { return !has_news(socket_.native_handle()); }

std::pair<stream_socket, std::vector<std::byte>> connection::release() {
  std::vector<std::byte> rest(unread_.begin(), unread_.end());
  return {std::move(socket_), std::move(rest)};
}

} // namespace clawdspace::engine
