#include <clawdspace/api/bodies.hpp>
#include <clawdspace/api/json.hpp>
#include <clawdspace/space/sleep_rules.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace clawdspace::api {

namespace json = boost::json;
using spaces::string_map;

namespace {

constexpr std::size_t most_metadata = 64;
constexpr std::size_t longest_metadata = 1024; // of one key or value

std::string_view media_type(const http::exchange& x) {
  auto type = x.head().headers.find("Content-Type").value_or("");
  type = type.substr(0, std::min(type.find(';'), type.size()));
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  return type;
}

std::optional<bytes> memory_in(const fields_of& fields) {
  if (!fields.has("memory")) return std::nullopt;
  const auto& value = fields.value("memory");
  if (value.is_int64() && value.get_int64() >= 0) return bytes{value.get_int64()};
  if (!value.is_string())
    refuse("memory", "must be an amount such as \"512m\" or \"2g\", or a number of bytes");
  const auto parsed = parse_bytes(std::string_view(value.get_string()));
  if (!parsed) refuse("memory", parsed.error().what());
  return *parsed;
}

std::optional<nano_cpus> cpus_in(const fields_of& fields) {
  if (!fields.has("cpus")) return std::nullopt;
  const auto& value = fields.value("cpus");
  if (!value.is_number() && !value.is_string()) refuse("cpus", "must be a number of cores, such as 0.5 or 2");
  const auto parsed = value.is_string() ? parse_cpus(std::string_view(value.get_string()))
                                        : cpus_from(value.to_number<double>());
  if (!parsed) refuse("cpus", parsed.error().what());
  return *parsed;
}

std::optional<std::int64_t> pids_in(const fields_of& fields) { return fields.integer("pids", 1, 4'194'304); }

string_map metadata_in(const json::value& value) {
  if (!value.is_object()) refuse("metadata", "must be an object of strings");
  string_map metadata;
  for (const auto& [key, text] : value.get_object()) {
    if (!text.is_string()) refuse(fmt::format("metadata.{}", std::string_view(key)), "must be a string");
    if (key.size() > longest_metadata || text.get_string().size() > longest_metadata)
      refuse("metadata", fmt::format("a key or value is longer than {} bytes", longest_metadata));
    metadata.emplace(key, text.get_string());
  }
  if (metadata.size() > most_metadata)
    refuse("metadata", fmt::format("has more than {} entries", most_metadata));
  return metadata;
}

json::value to_json(std::optional<time_point> when) {
  return when ? json::value(to_rfc3339(*when)) : json::value(nullptr);
}

} // namespace

task<json::value> read_json(http::exchange& x, bytes limit) {
  const auto type = media_type(x);
  if (!type.empty() && !http::iequals(type, "application/json") &&
      !http::iequals(type, "application/x-www-form-urlencoded"))
    throw error(errc::unsupported_media_type, fmt::format("the body's type \"{}\" is not JSON", type));
  const auto text = co_await x.read_all(limit);
  if (text.empty()) co_return json::object{};
  co_return value_or_throw(parse_json(text));
}

spaces::create_request to_create_request(const json::value& body) {
  const fields_of fields(body, {"name", "image", "memory", "cpus", "pids", "env", "idleTimeoutMs", "ttlMs",
                                "network", "profile", "metadata"});
  spaces::create_request wanted;
  const auto name = fields.text("name");
  if (!name) refuse("name", "is missing");
  spaces::check_name(*name);
  wanted.name = *name;
  wanted.image = fields.text("image");
  if (wanted.image && (wanted.image->empty() ||
                       wanted.image->find_first_of(std::string_view(" \t\r\n\0?#", 7)) != std::string::npos))
    refuse("image", fmt::format("\"{}\" is not the name of an image", *wanted.image));
  wanted.memory = memory_in(fields);
  wanted.cpus = cpus_in(fields);
  wanted.pids = pids_in(fields);
  if (fields.has("env")) wanted.env = environment_in(fields.value("env"));
  wanted.settings.idle_timeout = fields.duration("idleTimeoutMs");
  wanted.settings.time_to_live = fields.duration("ttlMs");
  wanted.network = fields.text("network");
  if (const auto word = fields.text("profile")) {
    wanted.profile = spaces::profile_from(*word);
    if (!wanted.profile) refuse("profile", fmt::format("\"{}\" is neither standard nor strict", *word));
  }
  if (fields.has("metadata")) wanted.settings.metadata = metadata_in(fields.value("metadata"));
  return wanted;
}

spaces::change_request to_change_request(const json::value& body) {
  const fields_of fields(body, {"memory", "cpus", "pids", "idleTimeoutMs", "ttlMs", "metadata"});
  spaces::change_request wanted;
  wanted.memory = memory_in(fields);
  wanted.cpus = cpus_in(fields);
  wanted.pids = pids_in(fields);
  if (fields.has("idleTimeoutMs") || fields.is_null("idleTimeoutMs"))
    wanted.idle_timeout = fields.duration("idleTimeoutMs");
  if (fields.has("ttlMs") || fields.is_null("ttlMs")) wanted.time_to_live = fields.duration("ttlMs");
  if (fields.has("metadata")) wanted.metadata = metadata_in(fields.value("metadata"));
  return wanted;
}

std::vector<std::string> environment_in(const json::value& value) {
  if (!value.is_object()) refuse("env", "must be an object of strings");
  std::vector<std::string> env;
  for (const auto& [name, text] : value.get_object()) {
    const std::string_view key(name);
    if (key.empty() || key.find_first_of(std::string_view("=\0", 2)) != std::string_view::npos)
      refuse("env", fmt::format("\"{}\" is not the name of a variable", key));
    if (!text.is_string()) refuse(fmt::format("env.{}", key), "must be a string");
    if (text.get_string().find('\0') != std::string_view::npos)
      refuse(fmt::format("env.{}", key), "has a NUL in it");
    env.push_back(fmt::format("{}={}", key, std::string_view(text.get_string())));
  }
  return env;
}

json::object to_json(const spaces::space& s, const spaces::policy& rules) {
  json::object metadata;
  for (const auto& [key, value] : s.settings.metadata) metadata[key] = value;
  const auto idle = s.settings.idle_timeout.value_or(rules.idle_timeout);
  const auto life = s.settings.time_to_live.value_or(rules.time_to_live);
  return {
      {"name", s.self.name},
      {"id", s.self.id},
      {"state", to_string(s.state)},
      {"image", s.self.image},
      {"profile", to_string(s.self.profile)},
      {"network", s.self.network},
      {"memory", count(s.limits.memory)},
      {"cpus", static_cast<double>(count(s.limits.cpus)) / 1e9},
      {"pids", s.limits.pids},
      {"createdAt", to_rfc3339(s.self.created)},
      {"lastUsedAt", to_rfc3339(s.last_used)},
      {"stateSince", to_rfc3339(s.state_since)},
      {"idleTimeoutMs", idle.count()},
      {"sleepsAt", to_json(sleeps_at(s, rules))},
      {"ttlMs", life.count()},
      {"expiresAt", to_json(expires_at(s, rules))},
      {"commands", s.commands},
      {"backend", s.backend},
      {"backendReason", s.backend_reason.empty() ? json::value(nullptr) : json::value(s.backend_reason)},
      {"metadata", std::move(metadata)},
  };
}

http::response json_response(int status, const json::value& body) {
  http::response answer;
  answer.status = status;
  answer.headers.add("Content-Type", "application/json");
  answer.body = to_text(body) + "\n";
  return answer;
}

json::object to_json(const door::listening& l) {
  using kind = door::listening::kind;
  json::object told;
  if (l.what == kind::unix_stream) {
    told = {{"protocol", "unix"}, {"path", l.path}};
  } else {
    told = {{"protocol", l.what == kind::tcp ? "tcp" : "udp"}, {"address", l.address}, {"port", l.port}};
  }
  if (l.owner) told["process"] = {{"pid", l.owner->pid}, {"name", l.owner->name}};
  return told;
}

} // namespace clawdspace::api
