#include <clawdspace/space/labels.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace clawdspace::spaces {

namespace {

constexpr std::string_view prefix = "clawdspace.";

std::optional<std::string_view> value_of(const string_map& labels, std::string_view name) {
  const auto found = labels.find(fmt::format("{}{}", prefix, name));
  if (found == labels.end()) return std::nullopt;
  return found->second;
}

std::optional<std::int64_t> number_of(const string_map& labels, std::string_view name) {
  const auto text = value_of(labels, name);
  if (!text) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, ec] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (ec != std::errc{} || end != text->data() + text->size() || number < 0) return std::nullopt;
  return number;
}

std::optional<milliseconds> time_of(const string_map& labels, std::string_view name) {
  const auto number = number_of(labels, name);
  constexpr std::int64_t hundred_years = 100LL * 366 * 24 * 3600 * 1000; // the API's own limit
  return number && *number <= hundred_years ? std::optional(milliseconds(*number)) : std::nullopt;
}

std::optional<time_point> time_at(const string_map& labels, std::string_view name) {
  const auto text = value_of(labels, name);
  if (!text) return std::nullopt;
  try {
    return from_rfc3339(*text);
  } catch (const error&) {
    return std::nullopt;
  }
}

string_map metadata_of(const string_map& labels) {
  string_map metadata;
  const auto text = value_of(labels, "metadata");
  boost::json::error_code ec;
  const auto parsed = boost::json::parse(text.value_or("{}"), ec);
  if (ec || !parsed.is_object()) return metadata;
  for (const auto& [key, value] : parsed.get_object())
    if (value.is_string()) metadata.emplace(key, value.get_string());
  return metadata;
}

} // namespace

std::string instance_label(std::string_view instance) {
  return fmt::format("{}instance={}", prefix, instance);
}

std::string container_name(std::string_view name) { return fmt::format("clawdspace-{}", name); }

string_map to_labels(const space& s, std::string_view instance) {
  string_map labels;
  const auto put = [&](std::string_view name, std::string value) {
    labels.emplace(fmt::format("{}{}", prefix, name), std::move(value));
  };
  put("instance", std::string(instance));
  put("id", s.self.id);
  put("name", s.self.name);
  put("created", to_rfc3339(s.self.created)); // the Engine's list tells whole seconds
  put("profile", std::string(to_string(s.self.profile)));
  put("network", s.self.network);
  put("image-user", s.self.image_user);
  put("image-work-dir", s.self.image_work_dir);
  put("memory", fmt::format("{}", count(s.limits.memory)));
  put("nano-cpus", fmt::format("{}", count(s.limits.cpus)));
  put("pids", fmt::format("{}", s.limits.pids));
  if (const auto idle = s.settings.idle_timeout) put("idle-timeout-ms", fmt::format("{}", idle->count()));
  if (const auto life = s.settings.time_to_live) put("ttl-ms", fmt::format("{}", life->count()));
  boost::json::object metadata;
  for (const auto& [key, value] : s.settings.metadata) metadata[key] = value;
  put("metadata", boost::json::serialize(metadata));
  return labels;
}

std::optional<labelled> from_labels(const engine::container_summary& container) {
  const auto id = value_of(container.labels, "id");
  const auto name = value_of(container.labels, "name");
  const auto profile = profile_from(value_of(container.labels, "profile").value_or(""));
  const auto is_hexadecimal = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (!id || id->empty() || !std::ranges::all_of(*id, is_hexadecimal) || !name || !profile)
    return std::nullopt;
  try {
    check_name(*name);
  } catch (const error&) {
    return std::nullopt;
  }
  labelled found;
  found.self.id = *id;
  found.self.name = *name;
  found.self.image = container.image;
  found.self.profile = *profile;
  found.self.network = value_of(container.labels, "network").value_or("");
  found.self.image_user = value_of(container.labels, "image-user").value_or("");
  found.self.image_work_dir = value_of(container.labels, "image-work-dir").value_or("");
  found.self.created = time_at(container.labels, "created").value_or(container.created);
  found.limits.memory = bytes{number_of(container.labels, "memory").value_or(0)};
  found.limits.cpus = nano_cpus{number_of(container.labels, "nano-cpus").value_or(0)};
  found.limits.pids = number_of(container.labels, "pids").value_or(0);
  found.settings.idle_timeout = time_of(container.labels, "idle-timeout-ms");
  found.settings.time_to_live = time_of(container.labels, "ttl-ms");
  found.settings.metadata = metadata_of(container.labels);
  return found;
}

space_state to_space_state(engine::container_state state) noexcept {
  switch (state) {
  case engine::container_state::running:
    return space_state::running;
  case engine::container_state::paused:
    return space_state::paused;
  case engine::container_state::removing:
    return space_state::destroying;
  case engine::container_state::created:
  case engine::container_state::restarting:
  case engine::container_state::exited:
  case engine::container_state::dead:
    return space_state::stopped;
  }
  return space_state::stopped;
}

} // namespace clawdspace::spaces
