#include "inlet.hpp"

#include <asio/post.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace clawdspace::http {

namespace {

/// Less than that of a body is not worth a way of its own.
constexpr std::uint64_t spliced_at_least = std::uint64_t{64} << 10;

/// How much the pipe took; nothing where it has no room.
std::optional<std::size_t> write_now(int pipe, std::span<const std::byte> data) {
  for (;;) {
    const auto n = ::write(pipe, data.data(), data.size());
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EAGAIN) return std::nullopt;
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "writing to a pipe");
  }
}

parser_limits limits_of(const server_limits& limits) {
  return {.head = limits.head, .header_count = limits.header_count};
}

} // namespace

inlet::inlet(wire& from, service& shared)
    : wire_(from), service_(shared), parser_(parser::role::server, limits_of(shared.limits)) {}

void inlet::let_go() {
  if (begin_ < end_ || !data_.empty()) return;
  begin_ = end_ = 0;
  service_.buffers.give(std::move(buffer_));
}

std::optional<std::size_t> inlet::fill_now() {
  if (!buffer_) buffer_ = service_.buffers.take();
  const auto n = wire_.receive_now({buffer_.get(), buffer_pool::size});
  begin_ = 0;
  end_ = n.value_or(0);
  return n;
}

task<bool> inlet::next_head() {
  bool begun = false;
  for (;;) {
    if (begin_ < end_) {
      const auto step = parser_.feed(unused());
      if (!step) throw error(step.error());
      begin_ += step->taken;
      if (step->what == parse_step::kind::head) break;
      if (!begun) wire_.set_read_deadline(std::chrono::steady_clock::now() + service_.limits.head_time);
      begun = true;
      continue;
    }
    const auto n = fill_now();
    if (n == 0u) {
      if (begun) throw error(errc::client_left, "the client left inside a request's head");
      co_return false;
    }
    if (n) continue;
    if (!begun) {
      if (service_.stopping) co_return false;
      // All that an idle connection holds are its objects.
      let_go();
      parser_ = parser(parser::role::server, limits_of(service_.limits));
      idle_ = true;
      wire_.set_read_deadline(std::chrono::steady_clock::now() + service_.limits.idle);
    }
    bool readable = false;
    try {
      readable = co_await wire_.wait_readable();
    } catch (const std::system_error& e) {
      if (begun || !is_timeout(e)) throw;
    }
    idle_ = false;
    if (!readable) co_return false;
  }
  wire_.clear_read_deadline();
  body_read_ = 0;
  broken_ = false;
  body_over_ = !head().has_body();
  if (body_over_) body_step(); // the parser tells the end, too
  co_return true;
}

parse_step::kind inlet::body_step() {
  const auto step = parser_.feed(unused());
  if (!step) {
    broken_ = true;
    throw error(step.error());
  }
  begin_ += step->taken;
  data_ = step->data;
  body_read_ += data_.size();
  if (step->what == parse_step::kind::end) {
    body_over_ = true;
    trailers_ = std::move(parser_.trailers());
  }
  return step->what;
}

task<std::size_t> inlet::read_body(std::span<std::byte> into, std::chrono::milliseconds limit) {
  if (into.empty()) co_return 0;
  for (;;) {
    if (!data_.empty()) {
      const auto n = std::min(into.size(), data_.size());
      std::memcpy(into.data(), data_.data(), n);
      data_ = data_.subspan(n);
      co_return n;
    }
    if (body_over_) {
      let_go(); // what answers may take its time
      co_return 0;
    }
    if (broken_) throw error(errc::malformed_request, "the request's body ended before");
    if (body_step() != parse_step::kind::need_more) continue;
    const auto n = fill_now();
    if (n == 0u) {
      broken_ = true;
      throw error(errc::client_left, "the client left inside a request's body");
    }
    if (n) {
      if (wire_.turn_is_over(*n))
        co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
      continue;
    }
    co_await wait_for_body(limit);
  }
}

task<> inlet::wait_for_body(std::chrono::milliseconds limit) {
  let_go();
  if (limit == std::chrono::milliseconds::max())
    wire_.clear_read_deadline();
  else
    wire_.set_read_deadline(std::chrono::steady_clock::now() + limit);
  try {
    co_await wire_.wait_readable();
  } catch (const std::system_error& e) {
    if (is_timeout(e)) broken_ = true;
    throw;
  }
  wire_.clear_read_deadline();
}

task<std::optional<std::size_t>> inlet::read_body_to(int pipe, std::chrono::milliseconds limit) {
  for (;;) {
    if (!data_.empty()) {
      const auto n = write_now(pipe, data_);
      if (n) data_ = data_.subspan(*n);
      co_return n;
    }
    if (body_over_) {
      let_go();
      co_return 0;
    }
    if (broken_) throw error(errc::malformed_request, "the request's body ended before");
    if (body_step() != parse_step::kind::need_more) continue;
    // The rest comes the ordinary way, so that the parser sees the end.
    const auto left = remaining().value_or(0);
    const auto got = left > spliced_at_least ? wire_.splice_now(pipe, left - 1) : wire::spliced{};
    if (got.what == wire::spliced::kind::moved) {
      parser_.pass_over(got.size);
      body_read_ += got.size;
      if (wire_.turn_is_over(got.size))
        co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
      co_return got.size;
    }
    if (got.what == wire::spliced::kind::no_room) co_return std::nullopt;
    if (got.what == wire::spliced::kind::nothing) {
      co_await wait_for_body(limit);
      continue;
    }
    // The end, or what cannot be moved like this: the ordinary way tells.
    const auto n = fill_now();
    if (n == 0u) {
      broken_ = true;
      throw error(errc::client_left, "the client left inside a request's body");
    }
    if (n && wire_.turn_is_over(*n))
      co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    else if (!n)
      co_await wait_for_body(limit);
  }
}

void inlet::drop_now(std::size_t limit) {
  data_ = {};
  const auto until = body_read_ + limit;
  while (!body_over_ && !broken_ && body_read_ <= until) {
    if (body_step() != parse_step::kind::need_more) {
      data_ = {};
      continue;
    }
    const auto n = fill_now();
    if (n == 0u) broken_ = true;
    if (!n) return;
  }
}

task<bool> inlet::drop(std::size_t limit, std::chrono::milliseconds patience) {
  drop_now(limit);
  const auto until = body_read_ + limit;
  std::array<std::byte, 512> scrap; // what is read lies in the buffer; this only counts it
  while (!body_over_ && !broken_ && body_read_ <= until) {
    try {
      co_await read_body(scrap, patience);
    } catch (const error&) {
      broken_ = true;
    } catch (const std::system_error& e) {
      if (!is_timeout(e)) throw;
    }
    data_ = {};
  }
  co_return body_over_;
}

std::optional<std::uint64_t> inlet::remaining() {
  const auto length = head().content_length;
  if (!length) return std::nullopt;
  return *length - std::min(*length, body_read_);
}

task<> inlet::wait_for_close(std::chrono::milliseconds silence, std::chrono::milliseconds in_all) {
  const auto until = std::chrono::steady_clock::now() + in_all;
  data_ = {};
  idle_ = true; // a server that stops need not wait for this
  for (;;) {
    const auto n = fill_now();
    begin_ = end_ = 0;
    const auto now = std::chrono::steady_clock::now();
    if (n == 0u || now >= until) co_return;
    if (n) {
      if (wire_.turn_is_over(*n))
        co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
      continue;
    }
    let_go();
    wire_.set_read_deadline(std::min(until, now + silence));
    try {
      if (!co_await wire_.wait_readable()) co_return;
    } catch (const std::system_error& e) {
      if (is_timeout(e)) co_return;
      throw;
    }
  }
}

} // namespace clawdspace::http
