#pragma once

#include <clawdspace/core/poller.hpp>
#include <clawdspace/http/server.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace clawdspace::http {

/// Read buffers that connections hold only while there is something to read.
class buffer_pool {
 public:
  static constexpr std::size_t size = std::size_t{16} << 10;
  using buffer = std::unique_ptr<std::byte[]>;

  buffer take();
  void give(buffer b);

 private:
  static constexpr std::size_t kept = 64;
  std::vector<buffer> free_;
};

/// What the connections of one server share.
class service {
 public:
  service(const asio::any_io_executor& executor, server_limits bounds, server_hooks owner)
      : limits(bounds), hooks(std::move(owner)), departures(executor) {}

  server_limits limits;
  server_hooks hooks;
  poller departures;
  buffer_pool buffers;
  bool stopping = false;

  /// The present second as `Date` has it.
  std::string_view date();
  /// A request's own name: 128 random bits in hex.
  std::string new_id();
  /// The owner's response to a failure; a plain 500 where the owner has none.
  response problem(const std::exception_ptr& failure, const request_head* request) const;

 private:
  std::string date_;
  std::int64_t date_of_ = -1;
  std::array<unsigned char, 256> noise_{};
  std::size_t noise_left_ = 0;
};

} // namespace clawdspace::http
