#include "file_answer.hpp"
#include "file_listing.hpp"
#include <clawdspace/api/file_request.hpp>
#include <clawdspace/api/json.hpp>
#include <clawdspace/api/service.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace clawdspace::api {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

constexpr auto heartbeat = 15s;
constexpr std::size_t portion = std::size_t{32} << 10;

/// In the form of the HTML standard, section 9.2 (server-sent events); nothing for what is none of ours.
std::string to_event(const json::object& told) {
  constexpr std::array types{"created", "modified", "deleted", "moved", "overflow", "ended"};
  const auto type = text_in(told, "type");
  if (std::ranges::find(types, type) == types.end()) return {};
  json::object data;
  for (const auto* name : {"path", "pathEncoded", "from", "fromEncoded", "code", "error"})
    if (auto text = text_in(told, name); !text.empty()) data[name] = std::move(text);
  if (flag_in(told, "folder")) data["folder"] = true;
  return fmt::format("event: {}\ndata: {}\n\n", type, json::serialize(data));
}

task<> stream(http::exchange& x, spaces::watch_follower& from) {
  const auto executor = co_await asio::this_coro::executor;
  json::object told;
  bool over = false;
  const auto take = [&]() -> task<> { told = co_await from.next(); };
  while (!over) {
    std::string lines;
    if (!from.has_next()) {
      asio::steady_timer silence{executor, heartbeat};
      co_await first_of(silence.async_wait(asio::use_awaitable), take());
      if (told.empty()) lines = ": still here\n\n";
    }
    while (lines.size() < portion) {
      if (!told.empty()) {
        lines += to_event(told);
        over = text_in(std::exchange(told, {}), "type") == "ended";
      }
      if (over || !from.has_next()) break;
      co_await take();
    }
    co_await x.write(std::string_view(lines));
  }
}

} // namespace

task<> service::watch_files(http::exchange& x) {
  const auto s = parts_.known.at(x.path_parameter("name"));
  const auto path = file_path(x.path_parameter("path"));
  const auto how = file_query_from(x.parameters(), {"user", "recursive"});
  std::unique_ptr<spaces::watch_follower> from;
  const auto begin = [&]() -> task<> {
    from = co_await parts_.watches.follow(s, how.user, path, how.recursive);
    if (!from) must_have_door(*s, "watching files");
  };
  co_await while_here(x, begin());
  co_await x.start(200, {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}});
  co_await x.write(std::string_view(": watching\n\n"));
  if (x.head().method != "HEAD")
    co_await first_of(first_of(x.wait_departure(), parts_.stopping.wait()), stream(x, *from));
  co_await x.finish();
}

} // namespace clawdspace::api
