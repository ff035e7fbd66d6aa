#pragma once

#include <clawdspace/api/exec_request.hpp>
#include <clawdspace/api/previews.hpp>
#include <clawdspace/api/sessions.hpp>
#include <clawdspace/api/tickets.hpp>
#include <clawdspace/core/event.hpp>
#include <clawdspace/http/router.hpp>
#include <clawdspace/http/static_files.hpp>
#include <clawdspace/space/command_book.hpp>
#include <clawdspace/space/engine_files.hpp>
#include <clawdspace/space/files.hpp>
#include <clawdspace/space/follower.hpp>
#include <clawdspace/space/lifecycle.hpp>
#include <clawdspace/space/ports.hpp>
#include <clawdspace/space/usage.hpp>
#include <clawdspace/space/watches.hpp>

#include <functional>
#include <memory>
#include <string>

namespace clawdspace::api {

/// What the routes stand on. All of it outlives them.
struct parts {
  asio::any_io_executor executor;
  spaces::registry& known;
  spaces::lifecycle& operations;
  spaces::follower& engine;
  spaces::command_book& book;
  spaces::ports& ports;
  spaces::event_hub& events;
  spaces::usage_monitor& usage;
  spaces::files& files;
  spaces::engine_files& files_by_engine; ///< where there is no door
  spaces::watches& watches;
  engine::client& docker;
  clock& time;
  previews& shown;
  event& stopping; ///< set when the daemon stops: endless streams end
};

struct settings {
  std::string key;                   ///< what `Authorization: Bearer` or `X-API-Key` must carry
  sessions::secret session_secret{}; ///< what sessions are sealed with
  bytes body_limit = 16_MiB;         ///< of a JSON body
  std::string openapi;               ///< docs/openapi.yaml
  http::static_files files;
};

/// The HTTP contract: routes, who may pass, and what failures look like.
class service {
 public:
  service(parts below, settings how);
  ~service();

  task<> handle(http::exchange& x);

 private:
  void add_routes();
  void check_key(const http::exchange& x) const;
  [[nodiscard]] boost::json::object system_now() const;
  bool has_ticket(http::exchange& x, std::string_view pattern);
  task<> answer_elsewhere(http::exchange& x) const;

  // routes_system.cpp
  task<> health(http::exchange& x);
  task<> system(http::exchange& x);
  task<> openapi(http::exchange& x);
  task<> issue_ticket(http::exchange& x);
  task<> open_session(http::exchange& x);
  // routes_spaces.cpp
  task<> list(http::exchange& x);
  task<> create(http::exchange& x);
  task<> show(http::exchange& x);
  task<> change(http::exchange& x);
  task<> destroy(http::exchange& x);
  task<> stop(http::exchange& x);
  task<> start(http::exchange& x);
  // routes_exec.cpp
  task<> exec(http::exchange& x);
  // routes_commands.cpp
  task<> list_commands(http::exchange& x);
  task<> show_command(http::exchange& x);
  task<> follow_command(http::exchange& x);
  task<> feed_command(http::exchange& x);
  task<> signal_command(http::exchange& x);
  task<> resize_command(http::exchange& x);
  task<> end_command(http::exchange& x);
  // routes_terminal.cpp
  task<> open_terminal(http::exchange& x);
  task<> attach_terminal(http::exchange& x);
  task<> serve_terminal(http::exchange& x, http::websocket& client, spaces::record_ptr about);
  // routes_ports.cpp
  task<> list_ports(http::exchange& x);
  task<> open_tunnel(http::exchange& x);
  // routes_files.cpp
  task<> get_file(http::exchange& x);
  task<> remove_file(http::exchange& x);
  task<> change_file(http::exchange& x);
  task<> read_file(http::exchange& x, spaces::space_ptr s, std::string path);
  task<> list_folder(http::exchange& x, spaces::space_ptr s, std::string path);
  // routes_uploads.cpp
  task<> put_file(http::exchange& x);
  task<> put_archive(http::exchange& x);
  task<std::vector<std::string>> conditions_of(http::exchange& x, spaces::space_ptr s, std::string path,
                                               std::string user);
  // routes_archives.cpp
  task<> get_archive(http::exchange& x);
  // routes_watch.cpp
  task<> watch_files(http::exchange& x);
  // routes_events.cpp
  task<> follow_events(http::exchange& x);
  task<> stream_events(http::exchange& x, std::uint64_t place, bool with_usage);
  // routes_stats.cpp
  task<> stats(http::exchange& x);
  task<> follow_stats(http::exchange& x, spaces::space_ptr s, bool with_history);

  task<> respond_with_space(http::exchange& x, int status, spaces::space_ptr s);
  task<spaces::record_ptr> command_of(const http::exchange& x) const;
  task<> exec_detached(http::exchange& x, spaces::space_ptr s, exec_request request);

  parts parts_;
  settings settings_;
  tickets tickets_;
  sessions sessions_;
  http::router router_;
  std::string list_; ///< the whole list as JSON, as of `list_revision_`
  std::uint64_t list_revision_ = ~std::uint64_t{0};
};

} // namespace clawdspace::api
