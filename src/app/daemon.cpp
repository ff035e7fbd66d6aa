#include "openapi.hpp"
#include <clawdspace/api/problem.hpp>
#include <clawdspace/api/service.hpp>
#include <clawdspace/app/daemon.hpp>
#include <clawdspace/app/key.hpp>
#include <clawdspace/core/log.hpp>
#include <clawdspace/http/server.hpp>
#include <clawdspace/space/chosen_backend.hpp>
#include <clawdspace/space/command_book.hpp>
#include <clawdspace/space/port_watch.hpp>
#include <clawdspace/space/sleeper.hpp>
#include <clawdspace/version.hpp>

#include <asio/signal_set.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <csignal>
#include <unistd.h>

namespace clawdspace::app {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

constexpr auto operations_patience = 10s;
constexpr auto files_patience = 5s; // for uploads that were cut to be undone

fs::path own_folder() {
  std::error_code ec;
  return fs::read_symlink("/proc/self/exe", ec).parent_path();
}

// As configured; else where an installation has it, or the build folder.
fs::path find(const fs::path& configured, std::initializer_list<const char*> beside_the_program,
              std::string_view what, std::string_view key) {
  if (!configured.empty()) return configured;
  for (const auto* place : beside_the_program)
    if (const auto candidate = own_folder() / place; fs::exists(candidate)) return fs::canonical(candidate);
  throw error(errc::invalid_field, fmt::format("{} is not where it should be: set {}", what, key));
}

engine::endpoint engine_of(const configuration& config) {
  const auto host =
      config.engine.host.empty() ? std::string("unix:///var/run/docker.sock") : config.engine.host;
  auto where = engine::endpoint::parse(host);
  if (!where) throw error(errc::invalid_field, fmt::format("engine.host: {}", where.error().what()));
  return std::move(*where);
}

spaces::policy policy_of(const configuration& config, const fs::path& init, const fs::path& files) {
  spaces::policy rules;
  rules.instance = config.spaces.instance;
  rules.state_folder = config.state.dir;
  rules.init_program = init;
  rules.files_program = files;
  rules.image = config.spaces.image;
  rules.profile = spaces::profile_from(config.spaces.profile).value();
  rules.network = config.spaces.network;
  rules.memory = config.spaces.memory;
  rules.cpus = config.spaces.cpus;
  rules.pids = config.spaces.pids;
  rules.open_files = config.spaces.open_files;
  rules.maximum = static_cast<std::size_t>(config.spaces.max);
  rules.idle_timeout = config.spaces.idle_timeout;
  rules.stop_after = config.spaces.stop_after;
  rules.time_to_live = config.spaces.ttl;
  rules.stop_grace = config.spaces.stop_grace;
  rules.busy_percent = config.spaces.busy_percent;
  rules.relist_every = config.spaces.relist;
  rules.output_limit = config.exec.output_limit;
  rules.drain = config.exec.drain;
  rules.history_limit = config.exec.history_limit;
  rules.history_total = config.exec.history_total;
  rules.records = static_cast<std::size_t>(config.exec.records);
  return rules;
}

http::server_limits limits_of(const configuration& config) {
  http::server_limits limits;
  limits.connections = static_cast<std::size_t>(config.server.max_connections);
  limits.head = config.server.head_limit;
  limits.idle = config.server.idle_timeout;
  limits.drain = config.server.drain;
  return limits;
}

std::vector<std::string> trusted_by(const configuration& config) {
  std::vector<std::string> addresses;
  std::string_view rest = config.proxy.trusted;
  while (!rest.empty()) {
    const auto end = std::min(rest.find(','), rest.size());
    auto one = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    std::error_code ec;
    const auto address = asio::ip::make_address(one, ec);
    if (ec) throw error(errc::invalid_field, fmt::format("proxy.trusted: \"{}\" is not an address", one));
    addresses.push_back(address.to_string());
  }
  return addresses;
}

api::preview_settings previews_of(const configuration& config, const std::string& key) {
  const auto& domain = config.proxy.preview_domain;
  const bool good =
      std::ranges::all_of(domain,
                          [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '.'; }) &&
      !domain.starts_with('.') && !domain.ends_with('.');
  if (!good)
    throw error(errc::invalid_field, fmt::format("proxy.preview_domain: \"{}\" is not a domain", domain));
  api::preview_settings how{.key = key,
                            .domain = domain,
                            .trusted = trusted_by(config),
                            .head_time = std::nullopt,
                            .body_limit = config.server.body_limit};
  if (config.proxy.head_timeout.count() > 0) how.head_time = config.proxy.head_timeout;
  return how;
}

// The path alone: a query may carry a command, and its environment.
void log_request(const http::exchange& x, int status, std::chrono::microseconds took) {
  log_info("request",
           {field("method", x.head().method), field("path", x.head().path), field("status", status),
            field("bytes", x.bytes_sent()), field("ms", static_cast<double>(took.count()) / 1000.0),
            field("id", x.id()), field("peer", x.peer())});
}

} // namespace

struct daemon::parts {
  parts(asio::io_context& loop, const configuration& config)
      : key(find_key(config)),
        rules(policy_of(config,
                        find(config.state.init,
                             {"../libexec/clawdspace/clawdspace-init", "../../init/clawdspace-init"},
                             "clawdspace-init", "state.init"),
                        find(config.state.files,
                             {"../libexec/clawdspace/clawdspace-files", "../../files/clawdspace-files"},
                             "clawdspace-files", "state.files"))),
        folders(rules.state_folder, {.init = rules.init_program, .files = rules.files_program}),
        docker(loop.get_executor(), engine_of(config),
               {.call_time = config.engine.call_timeout, .slow_call_time = config.engine.slow_call_timeout}),
        events(loop.get_executor()), known(loop.get_executor(), time, events),
        operations(loop.get_executor(), docker, known, folders, time, rules),
        doors(loop.get_executor(), docker, known, folders),
        by_engine(loop.get_executor(), docker, operations), by_door(loop.get_executor(), doors, rules),
        ports(loop.get_executor(), known, operations, doors), port_watch(ports, known, events, time),
        commands(doors, by_door, by_engine), book({.executor = loop.get_executor(),
                                                   .known = known,
                                                   .operations = operations,
                                                   .backend = commands,
                                                   .events = events},
                                                  spaces::command_ids::load(folders.root() / "exec.secret")),
        files(loop.get_executor(), known, operations, doors), files_by_engine(docker),
        watches(loop.get_executor(), files),
        follower(docker, known, operations, folders,
                 [this](const engine::engine_event& e) { by_engine.take(e); }),
        sleeper(docker, known, operations, time), usage(loop.get_executor(), docker, known, time,
                                                        [this](const spaces::space& s) {
                                                          const auto door = doors.find(s);
                                                          return door ? door->expected() : 0;
                                                        }),
        connections(loop.get_executor(), {}),
        previews({.known = known,
                  .operations = operations,
                  .time = time,
                  .connections = connections,
                  .passes = proxy::passes::load(folders.root() / "preview.secret"),
                  .connect = [this](std::string name,
                                    std::uint16_t port) { return connect(std::move(name), port); }},
                 previews_of(config, key)),
        stopping(loop.get_executor()),
        service({.executor = loop.get_executor(),
                 .known = known,
                 .operations = operations,
                 .engine = follower,
                 .book = book,
                 .ports = ports,
                 .events = events,
                 .usage = usage,
                 .files = files,
                 .files_by_engine = files_by_engine,
                 .watches = watches,
                 .docker = docker,
                 .time = time,
                 .shown = previews,
                 .stopping = stopping},
                {.key = key,
                 .session_secret = api::sessions::load_secret(folders.root() / "session.secret"),
                 .body_limit = config.server.body_limit,
                 .openapi = openapi(),
                 .files = http::static_files::load(find(config.server.static_dir,
                                                        {"../share/clawdspace/static", "../../../static"},
                                                        "the folder of static files", "server.static_dir"))}),
        server(
            loop.get_executor(), limits_of(config),
            {.handle = [this](http::exchange& x) { return service.handle(x); },
             .problem = [](std::exception_ptr e, const http::request_head*) { return api::to_response(e); },
             .done = log_request}),
        signals(loop, SIGINT, SIGTERM, SIGHUP) {
    operations.before_start([this, by_door_too = config.exec.backend == "door"](const spaces::space_ptr& s) {
      if (by_door_too)
        doors.open(s);
      else
        s->backend_reason = "the configuration says exec.backend = \"engine\"";
    });
    by_door.on_found([this](spaces::space_ptr where, spaces::found_command found) {
      book.adopt(std::move(where), std::move(found));
    });
  }

  std::string key;
  spaces::policy rules;
  system_clock time;
  spaces::folders folders;
  engine::client docker;
  spaces::event_hub events;
  spaces::registry known;
  spaces::lifecycle operations;
  spaces::doors doors;
  spaces::engine_backend by_engine;
  spaces::door_backend by_door;
  spaces::ports ports;
  spaces::port_watch port_watch;
  spaces::chosen_backend commands;
  spaces::command_book book;
  spaces::files files;
  spaces::engine_files files_by_engine;
  spaces::watches watches;
  spaces::follower follower;
  spaces::sleeper sleeper;
  spaces::usage_monitor usage;
  proxy::pool connections;
  api::previews previews;
  event stopping;
  api::service service;
  http::server server;
  asio::signal_set signals;

  task<proxy::stream_socket> connect(std::string name, std::uint16_t port);
  task<> serve();
  task<> serve_requests(nursery& beside);
  task<> stop_on_signal();
};

// A request has a lease of its own, and a connection that rests for the next one has none.
task<proxy::stream_socket> daemon::parts::connect(std::string name, std::uint16_t port) {
  auto made = co_await ports.connect(std::move(name), {.port = port, .path = {}});
  co_return std::move(made.socket());
}

task<> daemon::parts::stop_on_signal() {
  for (bool first = true;; first = false) {
    const int number = co_await signals.async_wait(asio::use_awaitable);
    log_info(first ? "stopping: running requests get time to end" : "stopping at once",
             {field("signal", ::strsignal(number))});
    stopping.set();
    server.stop();
  }
}

task<> daemon::parts::serve_requests(nursery& beside) {
  co_await server.run();
  beside.cancel();
}

task<> daemon::parts::serve() {
  const auto body = [&](nursery& running) -> task<> {
    running.start(follower.run());
    running.start(sleeper.run());
    running.start(usage.run());
    running.start(port_watch.run());
    running.start(connections.run());
    running.start(stop_on_signal());
    running.start(serve_requests(running));
    co_return;
  };
  std::exception_ptr failure;
  try {
    co_await with_nursery(body);
  } catch (...) {
    failure = std::current_exception();
  }
  co_await watches.close();
  co_await files.close(files_patience);
  co_await book.close();
  co_await by_engine.close();
  co_await operations.close(operations_patience);
  co_await doors.close();
  if (failure) std::rethrow_exception(failure);
}

void check(const configuration& config) {
  check_key(config);
  engine_of(config);
  previews_of(config, {});
}

daemon::daemon(asio::io_context& loop, const configuration& config)
    : loop_(loop), parts_(std::make_unique<parts>(loop, config)) {
  const auto address = asio::ip::make_address(config.server.listen);
  const auto at = parts_->server.listen({address, static_cast<std::uint16_t>(config.server.port)});
  const auto host =
      address.is_v6() ? fmt::format("[{}]", at.address().to_string()) : at.address().to_string();
  log_info("listening", {field("url", fmt::format("http://{}:{}", host, at.port())),
                         field("version", version), field("pid", ::getpid())});
}

daemon::~daemon() = default;

void daemon::run() {
  std::exception_ptr failure;
  asio::co_spawn(loop_, parts_->serve(), [&](std::exception_ptr e) {
    failure = e;
    loop_.stop(); // every part has ended; what is left are timers that nobody waits for
  });
  loop_.run();
  if (failure) std::rethrow_exception(failure);
}

} // namespace clawdspace::app
