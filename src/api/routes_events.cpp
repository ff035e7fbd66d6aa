#include <clawdspace/api/service.hpp>

#include <fmt/format.h>

namespace clawdspace::api {

using namespace std::chrono_literals;

namespace {

constexpr auto heartbeat = 15s;

// From `place` on, in the form of the HTML standard, section 9.2 (server-sent events).
task<> stream(http::exchange& x, spaces::event_hub& events, std::uint64_t place) {
  const auto executor = co_await asio::this_coro::executor;
  for (;;) {
    std::string lines;
    if (place < events.oldest()) {
      lines += fmt::format("event: gap\ndata: {{\"from\":{},\"to\":{}}}\n\n", place, events.oldest() - 1);
      place = events.oldest();
    }
    for (; lines.size() < 32'768; ++place) {
      const auto* entry = events.at(place);
      if (entry == nullptr) break;
      lines += fmt::format("id: {}\nevent: {}\ndata: {}\n\n", events.to_id(entry->sequence), entry->type,
                           entry->data);
    }
    if (lines.empty()) {
      asio::steady_timer silence{executor, heartbeat};
      co_await first_of(silence.async_wait(asio::use_awaitable), events.wait_for(place));
      if (events.at(place) == nullptr) lines = ": still here\n\n";
    }
    if (!lines.empty()) co_await x.write(std::string_view(lines));
  }
}

} // namespace

task<> service::follow_events(http::exchange& x) {
  const auto last = x.head().headers.find("Last-Event-ID");
  const auto place = last ? parts_.events.place_after(*last) : std::optional(parts_.events.now());
  const spaces::event_hub::audience here(parts_.events);
  co_await x.start(200, {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}});
  co_await x.write(std::string_view(": clawdspace\n\n"));
  // An id of another life of this daemon: what happened since cannot be told, so the follower should look at
  // the list.
  if (!place) co_await x.write(std::string_view("event: gap\ndata: {}\n\n"));
  co_await first_of(first_of(x.wait_departure(), parts_.stopping.wait()),
                    stream(x, parts_.events, place.value_or(parts_.events.now())));
  co_await x.finish();
}

} // namespace clawdspace::api
