#include "service.hpp"

#include <clawdspace/core/log.hpp>
#include <clawdspace/http/message.hpp>

#include <ctime>
#include <sys/random.h>
#include <system_error>

namespace clawdspace::http {

buffer_pool::buffer buffer_pool::take() {
  if (free_.empty()) return std::make_unique_for_overwrite<std::byte[]>(size);
  auto b = std::move(free_.back());
  free_.pop_back();
  return b;
}

void buffer_pool::give(buffer b) {
  if (b && free_.size() < kept) free_.push_back(std::move(b));
}

std::string_view service::date() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != date_of_) {
    date_of_ = now.tv_sec;
    date_ = to_http_date(now.tv_sec);
  }
  return date_;
}

std::string service::new_id() {
  constexpr std::size_t width = 16;
  if (noise_left_ < width) {
    // Up to 256 bytes come whole and at once (getrandom(2)).
    if (::getrandom(noise_.data(), noise_.size(), 0) != static_cast<ssize_t>(noise_.size()))
      throw std::system_error(errno, std::system_category(), "getrandom");
    noise_left_ = noise_.size();
  }
  constexpr std::string_view hex = "0123456789abcdef";
  std::string id;
  id.reserve(2 * width);
  for (std::size_t i = 0; i < width; ++i) {
    const auto byte = noise_[--noise_left_];
    id += hex[byte >> 4];
    id += hex[byte & 15];
  }
  return id;
}

response service::problem(const std::exception_ptr& failure, const request_head* request) const {
  try {
    return hooks.problem(failure, request);
  } catch (...) {
    log_error("no response could be made for a failure",
              {clawdspace::field("failure", describe(failure)),
               clawdspace::field("why", describe(std::current_exception()))});
    return {.status = 500, .headers = {{"Content-Type", "text/plain"}}, .body = "internal error\n"};
  }
}

} // namespace clawdspace::http
