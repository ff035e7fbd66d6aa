#include <clawdspace/core/config.hpp>
#include <clawdspace/core/error.hpp>
#include <clawdspace/core/result.hpp>

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <variant>
#include <vector>

namespace clawdspace {

namespace {

struct integer {
  std::int64_t* at;
  std::int64_t least;
  std::int64_t most;
};
struct decimal {
  double* at;
  double least;
  double most;
};
struct word {
  std::string* at;
  std::vector<std::string_view> allowed; ///< empty: any text
};
struct path {
  std::filesystem::path* at;
};
struct amount {
  bytes* at;
  bytes least;
};
struct cores {
  nano_cpus* at;
};
struct duration {
  milliseconds* at;
  milliseconds least{0};
};

using target = std::variant<integer, decimal, word, path, amount, cores, duration>;

struct key {
  std::string_view name;
  target to;
};

std::vector<key> keys_of(configuration& c) {
  return {
      {"server.listen", word{&c.server.listen, {}}},
      {"server.port", integer{&c.server.port, 0, 65'535}},
      {"server.api_key", word{&c.server.api_key, {}}},
      {"server.key_file", path{&c.server.key_file}},
      {"server.static_dir", path{&c.server.static_dir}},
      {"server.max_connections", integer{&c.server.max_connections, 1, 1'000'000}},
      {"server.head_limit", amount{&c.server.head_limit, 1_KiB}},
      {"server.body_limit", amount{&c.server.body_limit, 1_KiB}},
      {"server.idle_timeout_ms", duration{&c.server.idle_timeout, milliseconds(1)}},
      {"server.drain_ms", duration{&c.server.drain}},
      {"engine.host", word{&c.engine.host, {}}},
      {"engine.call_timeout_ms", duration{&c.engine.call_timeout, milliseconds(1)}},
      {"engine.slow_call_timeout_ms", duration{&c.engine.slow_call_timeout, milliseconds(1)}},
      {"spaces.instance", word{&c.spaces.instance, {}}},
      {"spaces.image", word{&c.spaces.image, {}}},
      {"spaces.profile", word{&c.spaces.profile, {"standard", "strict"}}},
      {"spaces.network", word{&c.spaces.network, {}}},
      {"spaces.memory", amount{&c.spaces.memory, 6_MiB}},
      {"spaces.cpus", cores{&c.spaces.cpus}},
      {"spaces.pids", integer{&c.spaces.pids, 16, 4'194'304}},
      {"spaces.open_files", integer{&c.spaces.open_files, 64, 1'048'576}},
      {"spaces.max", integer{&c.spaces.max, 1, 100'000}},
      {"spaces.idle_timeout_ms", duration{&c.spaces.idle_timeout}},
      {"spaces.stop_after_ms", duration{&c.spaces.stop_after}},
      {"spaces.ttl_ms", duration{&c.spaces.ttl}},
      {"spaces.stop_grace_ms", duration{&c.spaces.stop_grace}},
      {"spaces.busy_percent", decimal{&c.spaces.busy_percent, 0, 100'000}},
      {"spaces.relist_ms", duration{&c.spaces.relist, milliseconds(100)}},
      {"exec.backend", word{&c.exec.backend, {"door", "engine"}}},
      {"exec.output_limit", amount{&c.exec.output_limit, 1_KiB}},
      {"exec.drain_ms", duration{&c.exec.drain}},
      {"exec.history_limit", amount{&c.exec.history_limit, 4_KiB}},
      {"exec.history_total", amount{&c.exec.history_total, 1_MiB}},
      {"exec.records", integer{&c.exec.records, 0, 100'000}},
      {"state.dir", path{&c.state.dir}},
      {"state.init", path{&c.state.init}},
      {"state.files", path{&c.state.files}},
      {"log.format", word{&c.log.format, {"text", "json"}}},
      {"log.level", word{&c.log.level, {"debug", "info", "warn", "error"}}},
  };
}

[[noreturn]] void refuse(const std::string& what) { throw error(errc::invalid_field, what); }

void put(const integer& to, std::int64_t value) {
  if (value < to.least || value > to.most)
    refuse(fmt::format("{} is not between {} and {}", value, to.least, to.most));
  *to.at = value;
}

void put(const duration& to, std::int64_t value) {
  constexpr std::int64_t hundred_years = 100LL * 366 * 24 * 3600 * 1000;
  if (value < 0 || value > hundred_years) refuse(fmt::format("{} is not a time in milliseconds", value));
  if (value < to.least.count()) refuse(fmt::format("{} is less than {}", value, to.least.count()));
  *to.at = milliseconds(value);
}

void put(const amount& to, bytes value) {
  if (value < to.least) refuse(fmt::format("{} is less than {}", to_words(value), to_words(to.least)));
  *to.at = value;
}

void put(const decimal& to, double value) {
  if (!(value >= to.least && value <= to.most))
    refuse(fmt::format("{} is not between {} and {}", value, to.least, to.most));
  *to.at = value;
}

void put(const word& to, std::string value) {
  if (!to.allowed.empty() && std::ranges::find(to.allowed, value) == to.allowed.end())
    refuse(fmt::format("\"{}\" is not one of: {}", value, fmt::join(to.allowed, ", ")));
  *to.at = std::move(value);
}

std::int64_t parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc{} || end != text.data() + text.size())
    refuse(fmt::format("\"{}\" is not a whole number", text));
  return value;
}

double parse_decimal(std::string_view text) {
  double value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc{} || end != text.data() + text.size())
    refuse(fmt::format("\"{}\" is not a number", text));
  return value;
}

// From text: a flag, or a variable of the environment.
struct from_text {
  std::string_view text;
  void operator()(const integer& to) const { put(to, parse_integer(text)); }
  void operator()(const duration& to) const { put(to, parse_integer(text)); }
  void operator()(const decimal& to) const { put(to, parse_decimal(text)); }
  void operator()(const word& to) const { put(to, std::string(text)); }
  void operator()(const path& to) const { *to.at = text; }
  void operator()(const amount& to) const { put(to, value_or_throw(parse_bytes(text))); }
  void operator()(const cores& to) const { *to.at = value_or_throw(parse_cpus(text)); }
};

// From TOML, whose types must fit.
struct from_toml {
  const toml::node& node;

  template <class T> [[nodiscard]] T need(const char* kind) const {
    const auto value = node.value_exact<T>();
    if (!value) refuse(fmt::format("must be {}", kind));
    return *value;
  }
  void operator()(const integer& to) const { put(to, need<std::int64_t>("a whole number")); }
  void operator()(const duration& to) const { put(to, need<std::int64_t>("a whole number of milliseconds")); }
  void operator()(const decimal& to) const {
    if (!node.is_number()) refuse("must be a number");
    put(to, *node.value<double>());
  }
  void operator()(const word& to) const { put(to, need<std::string>("a string")); }
  void operator()(const path& to) const { *to.at = need<std::string>("a path, as a string"); }
  void operator()(const amount& to) const {
    if (node.is_integer())
      put(to, bytes{*node.value_exact<std::int64_t>()});
    else
      put(to,
          value_or_throw(parse_bytes(need<std::string>("an amount such as \"2g\", or a number of bytes"))));
  }
  void operator()(const cores& to) const {
    if (!node.is_number()) refuse("must be a number of cores");
    *to.at = value_or_throw(cpus_from(*node.value<double>()));
  }
};

const key* find_key(const std::vector<key>& keys, std::string_view name) {
  const auto found = std::ranges::find(keys, name, &key::name);
  return found == keys.end() ? nullptr : &*found;
}

} // namespace

void read_config(configuration& into, const std::filesystem::path& file) {
  const auto at = [&](const toml::source_region& where) {
    return fmt::format("{}:{}", file.string(), where.begin.line);
  };
  toml::table root;
  try {
    root = toml::parse_file(file.string());
  } catch (const toml::parse_error& e) {
    refuse(fmt::format("{}: {}", at(e.source()), e.description()));
  }
  const auto keys = keys_of(into);
  for (const auto& [section, content] : root) {
    const auto* table = content.as_table();
    const auto prefix = fmt::format("{}.", std::string_view(section.str()));
    const bool known = std::ranges::any_of(keys, [&](const key& k) { return k.name.starts_with(prefix); });
    if (!known || table == nullptr)
      refuse(
          fmt::format("{}: there is no section [{}]", at(content.source()), std::string_view(section.str())));
    for (const auto& [name, value] : *table) {
      const auto full = prefix + std::string(name.str());
      const auto* found = find_key(keys, full);
      if (found == nullptr) refuse(fmt::format("{}: there is no key {}", at(name.source()), full));
      try {
        std::visit(from_toml{value}, found->to);
      } catch (const error& e) {
        refuse(fmt::format("{}: {}: {}", at(value.source()), full, e.what()));
      }
    }
  }
}

void set_config(configuration& into, std::string_view name, std::string_view value) {
  const auto keys = keys_of(into);
  const auto* found = find_key(keys, name);
  if (found == nullptr) refuse(fmt::format("there is no key {}", name));
  std::visit(from_text{value}, found->to);
}

void read_environment(configuration& into, const std::function<const char*(const char*)>& variable) {
  struct row {
    const char* variable;
    std::string_view key;
  };
  for (const auto& [name, target_key] : {
           row{"PORT", "server.port"},
           row{"API_KEY", "server.api_key"},
           row{"IDLE_TIMEOUT_MS", "spaces.idle_timeout_ms"},
           row{"CLAWDSPACE_IMAGE", "spaces.image"},
           row{"DOCKER_HOST", "engine.host"},
       }) {
    const char* value = variable(name);
    if (value == nullptr || *value == '\0') continue;
    try {
      set_config(into, target_key, value);
    } catch (const error& e) {
      refuse(fmt::format("{} in the environment: {}", name, e.what()));
    }
  }
}

} // namespace clawdspace
