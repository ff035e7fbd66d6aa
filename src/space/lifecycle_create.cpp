#include <clawdspace/core/log.hpp>
#include <clawdspace/core/random.hpp>
#include <clawdspace/space/labels.hpp>
#include <clawdspace/space/lifecycle.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace clawdspace::spaces {

namespace {

constexpr bytes least_memory = 6_MiB;       // the Engine's own minimum
constexpr nano_cpus least_cpus{10'000'000}; // likewise: 0.01 of a core
constexpr std::int64_t least_pids = 16;     // init, a command with its subreaper, and what ends them
constexpr std::int64_t most_pids = 4'194'304;

// What `sudo apt-get install` needs, and no more: no raw sockets, no device nodes, no file capabilities.
const std::vector<std::string> standard_capabilities{"CHOWN",  "DAC_OVERRIDE", "FOWNER", "FSETID",
                                                     "SETUID", "SETGID",       "KILL",   "AUDIT_WRITE"};
// What init needs to become a command's user, to empty its bounding set and to end it. Commands have none.
const std::vector<std::string> strict_capabilities{"SETUID", "SETGID", "KILL", "CHOWN", "SETPCAP"};

void check_network(const std::string& network) {
  const auto ok = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '-';
  };
  if (network.empty() || !std::ranges::all_of(network, ok))
    throw error(errc::invalid_field, fmt::format("network: \"{}\" is not the name of a network", network));
  if (network == "host")
    throw error(errc::invalid_field,
                "network: a space never shares the host's network; use bridge, none, or a network's name");
}

} // namespace

limits lifecycle::default_limits() const {
  return {
      .memory = std::min(rules_.memory, host_->memory),
      .cpus = std::min(rules_.cpus, nano_cpus{host_->cpus * 1'000'000'000LL}),
      .pids = rules_.pids,
  };
}

void lifecycle::check_limits(const limits& wanted) const {
  if (!host_) throw error(errc::engine_unavailable, "the Docker Engine has not been reached yet");
  if (wanted.memory < least_memory)
    throw error(errc::invalid_field, fmt::format("memory: {} is less than a space can have: at least {}",
                                                 to_words(wanted.memory), to_words(least_memory)));
  if (wanted.memory > host_->memory)
    throw error(errc::invalid_field, fmt::format("memory: {} is more than the host has: at most {}",
                                                 to_words(wanted.memory), to_words(host_->memory)));
  if (wanted.cpus < least_cpus)
    throw error(errc::invalid_field, "cpus: less than a space can have: at least 0.01");
  if (count(wanted.cpus) > host_->cpus * 1'000'000'000LL)
    throw error(errc::invalid_field, fmt::format("cpus: {} is more than the host has: at most {}",
                                                 static_cast<double>(count(wanted.cpus)) / 1e9, host_->cpus));
  if (wanted.pids < least_pids || wanted.pids > most_pids)
    throw error(errc::invalid_field,
                fmt::format("pids: {} is not between {} and {}", wanted.pids, least_pids, most_pids));
}

void lifecycle::set_host(const engine::info& host) { host_ = host; }

task<space_ptr> lifecycle::create(create_request wanted) {
  check_name(wanted.name);
  if (!known_.is_filled() || !host_)
    throw error(errc::engine_unavailable, "the Docker Engine has not been reached yet: no space can be made");
  if (known_.all().size() >= rules_.maximum)
    throw error(errc::too_many_requests,
                fmt::format("there are {} spaces already, the most that the configuration allows",
                            known_.all().size()));
  limits size = default_limits();
  size.memory = wanted.memory.value_or(size.memory);
  size.cpus = wanted.cpus.value_or(size.cpus);
  size.pids = wanted.pids.value_or(size.pids);
  check_limits(size);

  identity who;
  who.id = random_hex(10);
  who.name = std::move(wanted.name);
  who.image = wanted.image.value_or(rules_.image);
  who.profile = wanted.profile.value_or(rules_.profile);
  who.network = wanted.network.value_or(rules_.network);
  who.created = clock_.now();
  check_network(who.network);

  const auto s = known_.add(std::move(who));
  s->limits = size;
  s->settings = std::move(wanted.settings);
  co_await to_its_end(do_create(s, std::move(wanted.env)));
  co_return s;
}

task<> lifecycle::do_create(space_ptr s, std::vector<std::string> env) {
  std::exception_ptr failure;
  {
    const auto turn = co_await s->turn.enter();
    try {
      co_await make_container(s, std::move(env));
      if (s->state == space_state::destroying)
        throw error(errc::conflict,
                    fmt::format("the space \"{}\" was destroyed while it was made", s->self.name));
      s->last_used = clock_.now();
      known_.set_state(s, space_state::running);
      co_return;
    } catch (...) {
      failure = std::current_exception();
    }
    co_await asio::this_coro::throw_if_cancelled(
        false); // what was begun is undone, also when the daemon stops
    co_await undo_create(s);
  }
  std::rethrow_exception(failure);
}

engine::container_spec lifecycle::to_container(const space& s, std::vector<std::string> env) const {
  const bool strict = s.self.profile == profile::strict;
  engine::container_spec spec;
  spec.image = s.self.image;
  spec.entrypoint = {"/.clawdspace/init"};
  spec.env = std::move(env);
  spec.user = "0"; // init's; commands run as somebody else
  spec.hostname = s.self.name;
  spec.stop_signal = "SIGTERM";
  spec.labels = to_labels(s, rules_.instance);
  spec.memory = s.limits.memory;
  spec.cpus = s.limits.cpus;
  spec.pids = s.limits.pids;
  spec.ulimits = {{"core", 0, 0}};
  if (may_limit_files_) spec.ulimits.push_back({"nofile", rules_.open_files, rules_.open_files});
  spec.cap_drop = {"ALL"};
  spec.cap_add = strict ? strict_capabilities : standard_capabilities;
  if (strict) spec.security_opt = {"no-new-privileges"};
  spec.network_mode = s.self.network;
  spec.mounts = {{.source = folders_.prepare(s.self.id), .target = "/.clawdspace", .read_only = true}};
  spec.log_driver = "none";
  return spec;
}

task<> lifecycle::make_container(space_ptr s, std::vector<std::string> env) {
  engine::image_detail image;
  try {
    image = co_await docker_.inspect_image(s->self.image);
  } catch (const engine::engine_error& e) {
    if (e.status() == 404)
      throw error(errc::image_not_found,
                  fmt::format("the image \"{0}\" is not on this server: docker pull {0}", s->self.image));
    if (e.status() == 400) throw error(errc::invalid_field, fmt::format("image: {}", e.words()));
    throw;
  }
  s->self.image_user = image.user;
  s->self.image_work_dir = image.working_dir;

  for (bool again = true; again;) {
    again = false;
    try {
      known_.set_container(
          s, co_await docker_.create_container(container_name(s->self.name), to_container(*s, env)));
    } catch (const engine::engine_error& e) {
      if (e.status() == 409)
        throw error(errc::name_taken, fmt::format("a container that is not this daemon's has the name \"{}\"",
                                                  container_name(s->self.name)));
      if (e.status() == 400) throw error(errc::invalid_field, e.words());
      throw;
    }
    try {
      prepare(s);
      co_await docker_.start_container(s->container);
    } catch (const engine::engine_error& e) {
      if (e.status() == 404 && e.words().find("network") != std::string::npos)
        throw error(errc::invalid_field, fmt::format("network: {}", e.words()));
      again = may_limit_files_ && e.words().find("setting rlimit") != std::string::npos;
      if (!again) throw;
    }
    if (again) {
      // An Engine whose own limit of open files is lower cannot give more: its own holds then.
      log_info("the Engine allows fewer open files than configured: spaces get its own limit",
               {field("wanted", rules_.open_files)});
      may_limit_files_ = false;
      co_await docker_.remove_container(s->container);
    }
  }
}

task<> lifecycle::undo_create(space_ptr s) noexcept {
  try {
    if (!s->container.empty()) {
      co_await docker_.remove_container(s->container);
    } else {
      // The Engine may have made it although its answer never came.
      for (const auto& half : co_await docker_.list_containers(fmt::format("clawdspace.id={}", s->self.id)))
        co_await docker_.remove_container(half.id);
    }
  } catch (...) {
    // An Engine that is away: the half-made container is found and removed when it is listed again.
    log_warning("a space that could not be made could not be removed yet",
                {field("space", s->self.name), field("reason", describe(std::current_exception()))});
  }
  folders_.remove(s->self.id);
  known_.remove(s);
}

// --- change ---

task<> lifecycle::change(space_ptr s, change_request wanted) {
  co_await to_its_end(do_change(std::move(s), std::move(wanted)));
}

task<> lifecycle::do_change(space_ptr s, change_request wanted) {
  const auto turn = co_await s->turn.enter();
  if (s->gone)
    throw error(errc::space_not_found, fmt::format("there is no space \"{}\" any more", s->self.name));
  limits size = s->limits;
  size.memory = wanted.memory.value_or(size.memory);
  size.cpus = wanted.cpus.value_or(size.cpus);
  size.pids = wanted.pids.value_or(size.pids);
  if (wanted.memory || wanted.cpus || wanted.pids) {
    check_limits(size);
    try {
      co_await docker_.update_container(s->container,
                                        {.memory = wanted.memory, .cpus = wanted.cpus, .pids = wanted.pids});
    } catch (const engine::engine_error& e) {
      // The kernel refuses a limit below what is in use; the Engine says so with a 500.
      if (wanted.memory && e.status() == 500)
        throw error(errc::conflict, fmt::format("memory: {} was refused, the space may be using more: {}",
                                                to_words(*wanted.memory), e.words()));
      if (e.status() == 400) throw error(errc::invalid_field, e.words());
      throw;
    }
    s->limits = size;
  }
  if (wanted.idle_timeout) s->settings.idle_timeout = *wanted.idle_timeout;
  if (wanted.time_to_live) s->settings.time_to_live = *wanted.time_to_live;
  if (wanted.metadata) s->settings.metadata = std::move(*wanted.metadata);
  if (wanted.public_port) {
    const auto [port, open] = *wanted.public_port;
    if (open)
      s->settings.public_ports.insert(port);
    else
      s->settings.public_ports.erase(port);
  }
  folders_.write_settings(*s);
  known_.set_changed(s);
}

} // namespace clawdspace::spaces
