#include "file_answer.hpp"

#include <clawdspace/api/file_request.hpp>
#include <clawdspace/core/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace clawdspace::api {

namespace {

constexpr std::int64_t last_second = 253'402'300'799; // of the year 9999: a date has four digits for it

bool is_header_value(std::string_view text) {
  return !text.empty() && text.size() < 256 &&
         std::ranges::all_of(text, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

} // namespace

task<> while_here(http::exchange& x, task<> work) {
  bool done = false;
  const auto to_its_end = [&]() -> task<> {
    co_await std::move(work);
    done = true;
  };
  co_await first_of(x.wait_departure(), to_its_end());
  if (!done) throw error(errc::client_left, "the client left");
}

http::fields headers_of_bytes(std::string_view type) {
  return {{"Content-Type", std::string(type)},
          {"Cache-Control", "no-cache"},
          {"Content-Disposition", "attachment"},
          {"Content-Security-Policy", "sandbox; default-src 'none'"},
          {"X-Content-Type-Options", "nosniff"}};
}

http::fields headers_of_file(const boost::json::object& told) {
  auto headers = headers_of_bytes("application/octet-stream");
  if (auto tag = etag_in(told); !tag.empty()) headers.add("ETag", std::move(tag));
  if (const auto ms = number_in(told, "mtimeMs")) {
    const auto seconds = *ms >= 0 ? *ms / 1000 : (*ms + 1) / 1000 - 1;
    if (seconds >= 0 && seconds <= last_second) headers.add("Last-Modified", http::to_http_date(seconds));
  }
  const auto entry = to_entry(told);
  if (const auto mode = text_in(entry, "mode"); is_header_value(mode)) headers.add("X-File-Mode", mode);
  if (const auto owner = text_in(entry, "owner"); is_header_value(owner)) headers.add("X-File-Owner", owner);
  return headers;
}

task<> send_payload(http::exchange& x, spaces::file_job& job, std::optional<std::uint64_t> length) {
  auto left = length.value_or(std::numeric_limits<std::uint64_t>::max());
  while (left > 0) {
    const auto ready = co_await job.ready();
    if (ready == 0) break;
    const auto portion = static_cast<std::size_t>(std::min<std::uint64_t>(ready, left));
    co_await x.write_from_pipe(job.output(), portion);
    left -= portion;
  }
  if (!length || left == 0) co_return;
  co_await job.said(); // why
  throw error(errc::space_failed, fmt::format("a file ended {} bytes before its length", left));
}

} // namespace clawdspace::api
