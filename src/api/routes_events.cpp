#include "usage_json.hpp"
#include <clawdspace/api/json.hpp>
#include <clawdspace/api/service.hpp>

#include <fmt/format.h>

#include <map>

namespace clawdspace::api {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

constexpr auto heartbeat = 15s;

bool wants_usage(http::exchange& x) {
  bool wanted = false;
  for (const auto& [name, value] : x.parameters()) {
    if (name != "usage")
      throw error(errc::unknown_field,
                  fmt::format("there is no parameter \"{}\" here; there is: usage", name));
    if (value != "true" && value != "false") refuse("usage", "must be true or false");
    wanted = value == "true";
  }
  return wanted;
}

/// What has happened from `place` on, which moves past it, in the form of the HTML standard, section 9.2
/// (server-sent events); a part of it where it is much.
std::string events_from(const spaces::event_hub& events, std::uint64_t& place) {
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
  return lines;
}

/// What one follower was told of the spaces' use: the next time only what has changed is.
class told_usage {
 public:
  json::object news(const spaces::registry& known, const spaces::usage_monitor& usage,
                    const spaces::policy& rules) {
    json::object changed;
    std::map<std::string, std::string, std::less<>> now;
    for (const auto& [name, s] : known.all()) {
      auto about = brief_usage(*s, usage.find(*s), rules);
      auto& text = now[name] = to_text(about);
      if (const auto before = told_.find(name); before == told_.end() || before->second != text)
        changed[name] = std::move(about);
    }
    told_ = std::move(now);
    return changed;
  }

 private:
  std::map<std::string, std::string, std::less<>> told_;
};

} // namespace

task<> service::stream_events(http::exchange& x, std::uint64_t place, bool with_usage) {
  std::optional<spaces::usage_monitor::viewer> looking;
  if (with_usage) looking.emplace(parts_.usage.look_at_all());
  told_usage told;
  auto seen = parts_.usage.read().value();
  for (;;) {
    auto lines = events_from(parts_.events, place);
    if (with_usage && seen != parts_.usage.read().value()) {
      seen = parts_.usage.read().value();
      lines += fmt::format("event: usage\ndata: {}\n\n",
                           to_text(json::object{{"time", to_rfc3339(parts_.time.now())},
                                                {"system", system_now()},
                                                {"spaces", told.news(parts_.known, parts_.usage,
                                                                     parts_.operations.rules())}}));
    }
    if (lines.empty()) {
      asio::steady_timer silence{parts_.executor, heartbeat};
      auto news = parts_.events.wait_for(place);
      if (with_usage) news = first_of(std::move(news), parts_.usage.read().wait_past(seen));
      co_await first_of(silence.async_wait(asio::use_awaitable), std::move(news));
      const bool quiet =
          parts_.events.at(place) == nullptr && (!with_usage || seen == parts_.usage.read().value());
      if (quiet) lines = ": still here\n\n";
    }
    if (!lines.empty()) co_await x.write(std::string_view(lines));
  }
}

task<> service::follow_events(http::exchange& x) {
  const bool with_usage = wants_usage(x);
  const auto last = x.head().headers.find("Last-Event-ID");
  const auto place = last ? parts_.events.place_after(*last) : std::optional(parts_.events.now());
  const spaces::event_hub::audience here(parts_.events);
  co_await x.start(200, {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}});
  co_await x.write(std::string_view(": clawdspace\n\n"));
  // An id of another life of this daemon: what happened since cannot be told, so the follower should look at
  // the list.
  if (!place) co_await x.write(std::string_view("event: gap\ndata: {}\n\n"));
  co_await first_of(first_of(x.wait_departure(), parts_.stopping.wait()),
                    stream_events(x, place.value_or(parts_.events.now()), with_usage));
  co_await x.finish();
}

} // namespace clawdspace::api
