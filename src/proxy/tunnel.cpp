#include "tunnel.hpp"

#include <clawdspace/core/error.hpp>
#include <clawdspace/core/nursery.hpp>

#include <array>

namespace clawdspace::proxy {

namespace {

constexpr std::size_t buffer_size = std::size_t{32} << 10;

task<> to_server(http::raw_stream& client, upstream& server, const errand& how, bool is_websocket) {
  use_scanner scanner(is_websocket);
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(buffer_size);
  for (;;) {
    const auto n = co_await client.read_some({buffer.get(), buffer_size});
    if (n == 0) break;
    const std::span<const std::byte> data(buffer.get(), n);
    if (scanner.take(data) && how.wake) co_await how.wake();
    co_await server.send({}, data);
  }
  server.end_sending();
}

task<> to_client(http::raw_stream& client, upstream& server, const errand& how, bool is_websocket) {
  use_scanner scanner(is_websocket);
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(buffer_size);
  for (;;) {
    const auto n = co_await server.read_raw({buffer.get(), buffer_size});
    if (n == 0) break;
    const std::span<const std::byte> data(buffer.get(), n);
    if (scanner.take(data) && how.moved) how.moved();
    co_await client.write(data);
  }
  client.end_sending();
}

} // namespace

void use_scanner::take_head(std::byte next) {
  head_[have_++] = next;
  if (have_ < 2) return;
  const auto second = std::to_integer<unsigned>(head_[1]);
  const std::size_t wide = (second & 127) == 127 ? 8 : (second & 127) == 126 ? 2 : 0;
  if (have_ < 2 + wide + ((second & 128) != 0 ? 4 : 0)) return;
  left_ = second & 127;
  if (wide > 0) left_ = 0;
  for (std::size_t i = 0; i < wide; ++i) left_ = left_ << 8 | std::to_integer<std::uint64_t>(head_[2 + i]);
  have_ = 0;
}

bool use_scanner::take(std::span<const std::byte> data) {
  if (!is_websocket_) return !data.empty();
  bool means_something = false;
  while (!data.empty()) {
    if (left_ > 0) {
      const auto n = std::min<std::uint64_t>(left_, data.size());
      means_something = means_something || !control_;
      left_ -= n;
      data = data.subspan(static_cast<std::size_t>(n));
      continue;
    }
    if (have_ == 0) control_ = (std::to_integer<unsigned>(data.front()) & 8) != 0;
    means_something = means_something || !control_;
    take_head(data.front());
    data = data.subspan(1);
  }
  return means_something;
}

task<> tunnel(http::raw_stream& client, upstream& server, const errand& how, bool is_websocket) {
  const auto body = [&](nursery& both) -> task<> {
    both.start(to_server(client, server, how, is_websocket));
    both.start(to_client(client, server, how, is_websocket));
    co_return;
  };
  std::exception_ptr failure;
  try {
    co_await with_nursery(body);
  } catch (const error& e) {
    // One of the two has gone, or the server stops: the other is to see that this was no orderly end.
    failure = std::current_exception();
  }
  if (!failure) co_return;
  client.reset_on_close();
  server.reset_on_close();
}

} // namespace clawdspace::proxy
