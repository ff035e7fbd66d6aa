#include "usage_json.hpp"
#include <clawdspace/api/bodies.hpp>
#include <clawdspace/api/json.hpp>
#include <clawdspace/api/service.hpp>

#include <fmt/format.h>

namespace clawdspace::api {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

constexpr auto heartbeat = 15s;
constexpr auto patience = 3s; // for two readings, which a rate needs

struct stats_query {
  bool follow = false;
  bool history = false;
};

stats_query query_of(http::exchange& x) {
  stats_query wanted;
  for (const auto& [name, value] : x.parameters()) {
    if (name != "follow" && name != "history")
      throw error(errc::unknown_field,
                  fmt::format("there is no parameter \"{}\" here; there are: follow, history", name));
    if (value != "true" && value != "false") refuse(name, "must be true or false");
    (name == "follow" ? wanted.follow : wanted.history) = value == "true";
  }
  return wanted;
}

json::object limits_of(const spaces::space& s) {
  return {{"memory", count(s.limits.memory)},
          {"cpus", static_cast<double>(count(s.limits.cpus)) / 1e9},
          {"pids", s.limits.pids}};
}

/// Until a rate is known, where there can be one.
task<> wait_for_rate(spaces::usage_monitor& usage, spaces::space_ptr s) {
  const auto until = std::chrono::steady_clock::now() + patience;
  const auto lacks = [&] {
    const auto* seen = usage.find(*s);
    const bool alive = s->state == spaces::space_state::running || s->state == spaces::space_state::paused;
    return alive && (seen == nullptr || !seen->last() || !seen->last()->cpus);
  };
  // One from before may stand there: what counts is of now.
  do co_await usage.read().wait_past(usage.read().value(), until);
  while (lacks() && std::chrono::steady_clock::now() < until);
}

} // namespace

task<> service::stats(http::exchange& x) {
  const auto wanted = query_of(x);
  const auto s = parts_.known.at(x.path_parameter("name"));
  if (wanted.follow) {
    co_await follow_stats(x, s, wanted.history);
    co_return;
  }
  const auto looking = parts_.usage.look_at(*s);
  co_await first_of(x.wait_departure(), wait_for_rate(parts_.usage, s));
  const auto* seen = parts_.usage.find(*s);
  json::object answer{{"name", s->self.name},
                      {"id", s->self.id},
                      {"limits", limits_of(*s)},
                      {"usage", usage_to_json(*s, seen, parts_.time.now())}};
  if (wanted.history) answer["history"] = history_to_json(seen);
  co_await x.respond(json_response(200, answer));
}

task<> service::follow_stats(http::exchange& x, spaces::space_ptr s, bool with_history) {
  co_await x.start(200, {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}});
  const auto looking = parts_.usage.look_at(*s);
  const auto tell = [&](std::string_view type, json::object what) -> task<> {
    const auto text = fmt::format("event: {}\ndata: {}\n\n", type, to_text(what));
    co_await x.write(std::string_view(text));
  };
  const auto stream = [&]() -> task<> {
    co_await tell("limits", limits_of(*s));
    if (with_history) co_await tell("history", history_to_json(parts_.usage.find(*s)));
    auto told_limits = to_text(limits_of(*s));
    while (!s->gone) {
      const auto seen = parts_.usage.read().value();
      co_await parts_.usage.read().wait_past(seen, std::chrono::steady_clock::now() + heartbeat);
      if (const auto now = to_text(limits_of(*s)); now != told_limits) {
        told_limits = now;
        co_await tell("limits", limits_of(*s));
      }
      co_await tell("usage", usage_to_json(*s, parts_.usage.find(*s), parts_.time.now()));
    }
  };
  co_await first_of(first_of(x.wait_departure(), parts_.stopping.wait()), stream());
  co_await x.finish();
}

} // namespace clawdspace::api
