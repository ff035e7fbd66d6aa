#pragma once

#include "http/served.hpp"
#include <clawdspace/core/error.hpp>
#include <clawdspace/proxy/forward.hpp>
#include <clawdspace/proxy/headers.hpp>

#include <asio/ip/tcp.hpp>

#include <memory>

namespace clawdspace::test {

/// Connects to a port of this machine, as one of a space would be.
inline task<proxy::stream_socket> connect_to(unsigned short port) {
  const auto executor = co_await asio::this_coro::executor;
  const asio::ip::tcp::endpoint where(asio::ip::address_v4::loopback(), port);
  proxy::stream_socket made(executor, asio::generic::stream_protocol(where.protocol()));
  auto [ec] = co_await made.async_connect(asio::generic::stream_protocol::endpoint(where), nothrow);
  if (ec) throw error(errc::nothing_listens, "nothing listens there");
  co_return made;
}

/// Runs a proxy in front of `port` while `client` talks to it.
inline served with_proxy(unsigned short port, const std::function<void(const control&)>& client,
                         std::optional<std::chrono::milliseconds> head_time = std::nullopt) {
  const handler answer = [&](http::exchange& x, served& notes) -> task<> {
    if (!notes.kept)
      notes.kept = std::make_shared<proxy::pool>(co_await asio::this_coro::executor, proxy::pool_limits{});
    auto& connections = *static_cast<proxy::pool*>(notes.kept.get());
    auto headers = proxy::end_to_end(x.head().headers);
    proxy::tell_provenance(headers, x.head(), {.client = x.peer(), .scheme = "http", .prefix = {}});
    co_await proxy::forward(x, connections, {.server = "it", .connect = [port] { return connect_to(port); }},
                            {.target = x.head().target,
                             .headers = std::move(headers),
                             .edit_answer = {},
                             .head_time = head_time,
                             .upgraded = {},
                             .moved = {},
                             .wake = {}});
  };
  return with_handler({}, answer, client);
}

} // namespace clawdspace::test
