#include "usage_json.hpp"

#include <clawdspace/space/sleep_rules.hpp>

#include <cmath>

namespace clawdspace::api {

namespace json = boost::json;
using spaces::space_state;

namespace {

/// Thousandths of a core are more than a chart can show, and what does not change is not sent again.
double rounded(double cpus) { return std::round(cpus * 1000) / 1000; }

json::value number(const std::optional<std::uint64_t>& n) {
  return n ? json::value(static_cast<std::int64_t>(*n)) : json::value(nullptr);
}

json::value rate(const std::optional<double>& n) {
  return n ? json::value(std::llround(*n)) : json::value(nullptr);
}

json::value cpus_of(const spaces::usage& seen) {
  return seen.cpus ? json::value(rounded(*seen.cpus)) : json::value(nullptr);
}

bool is_off(const spaces::space& s) {
  return s.state != space_state::running && s.state != space_state::paused;
}

} // namespace

json::object usage_to_json(const spaces::space& s, const spaces::usage_record* seen, time_point now) {
  json::object told{{"time", to_rfc3339(now)}, {"state", s.gone ? "destroyed" : to_string(s.state)}};
  const auto* last = !is_off(s) && seen != nullptr && seen->last() ? &*seen->last() : nullptr;
  if (last != nullptr) {
    const auto& counted = last->counted;
    told["time"] = to_rfc3339(last->when);
    told["cpus"] = cpus_of(*last);
    told["cpuSeconds"] = std::round(static_cast<double>(counted.cpu_ns) / 1e6) / 1e3;
    told["memory"] = counted.memory;
    told["pids"] = counted.pids;
    told["readBytes"] = number(counted.read_bytes);
    told["writtenBytes"] = number(counted.written_bytes);
    told["receivedBytes"] = number(counted.received_bytes);
    told["sentBytes"] = number(counted.sent_bytes);
    return told;
  }
  const json::value none = is_off(s) ? json::value(0) : json::value(nullptr);
  for (const auto* name : {"cpus", "memory", "pids"}) told[name] = none;
  for (const auto* name : {"cpuSeconds", "readBytes", "writtenBytes", "receivedBytes", "sentBytes"})
    told[name] = nullptr;
  return told;
}

json::object history_to_json(const spaces::usage_record* seen) {
  json::array points;
  if (seen != nullptr)
    for (const auto& p : seen->points())
      points.push_back(json::object{{"from", to_rfc3339(p.begin)},
                                    {"to", to_rfc3339(p.end)},
                                    {"cpus", rounded(p.cpus)},
                                    {"memory", p.memory},
                                    {"pids", p.pids},
                                    {"readRate", rate(p.read_rate)},
                                    {"writeRate", rate(p.write_rate)},
                                    {"receiveRate", rate(p.receive_rate)},
                                    {"sendRate", rate(p.send_rate)}});
  return {{"points", std::move(points)}};
}

json::object brief_usage(const spaces::space& s, const spaces::usage_record* seen,
                         const spaces::policy& rules) {
  const auto* last = !is_off(s) && seen != nullptr && seen->last() ? &*seen->last() : nullptr;
  const auto sleep = sleeps_at(s, rules);
  const json::value none = is_off(s) ? json::value(0) : json::value(nullptr);
  return {{"cpus", last != nullptr ? cpus_of(*last) : none},
          {"memory", last != nullptr ? json::value(last->counted.memory) : none},
          {"commands", s.commands},
          {"lastUsedAt", to_rfc3339(s.last_used)},
          {"sleepsAt", sleep ? json::value(to_rfc3339(*sleep)) : json::value(nullptr)}};
}

} // namespace clawdspace::api
