#include "served_stream.hpp"

#include <clawdspace/core/error.hpp>

#include <algorithm>
#include <cstring>

namespace clawdspace::http {

task<std::size_t> served_stream::read_some(std::span<std::byte> into) {
  if (const auto ready = inlet_.received(); !ready.empty()) { // came behind the request's head
    const auto n = std::min(ready.size(), into.size());
    std::memcpy(into.data(), ready.data(), n);
    inlet_.use(n);
    co_return n;
  }
  inlet_.let_go();
  wire_.clear_read_deadline();
  for (;;) {
    if (going_) throw error(errc::shutting_down, "the server is stopping");
    if (const auto n = wire_.receive_now(into)) co_return *n;
    co_await wire_.wait_readable();
  }
}

task<> served_stream::write(std::span<const std::byte> data) {
  co_await wire_.send(gathered().add(data));
  bytes_sent_ += data.size();
}

void served_stream::go_away() {
  going_ = true;
  wire_.wake();
}

} // namespace clawdspace::http
