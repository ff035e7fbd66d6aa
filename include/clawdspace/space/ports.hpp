#pragma once

#include <clawdspace/core/error.hpp>
#include <clawdspace/core/result.hpp>
#include <clawdspace/door/listening.hpp>
#include <clawdspace/space/doors.hpp>
#include <clawdspace/space/lifecycle.hpp>
#include <clawdspace/space/port_connection.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace clawdspace::spaces {

using door::listening;

/// What is to be reached in a space: a TCP port, or a unix socket by its path.
struct port_target {
  std::uint16_t port = 0; ///< 0 where there is a path
  std::string path;       ///< absolute

  /// `8080` or `/run/x.sock`, percent-decoded already. errc::invalid_field where it is neither.
  static result<port_target> parse(std::string_view text);
  /// `port 8080` or `/run/x.sock`.
  [[nodiscard]] std::string to_words() const;
};

/// errc::nothing_listens: the connection was refused. Becomes a 502 that names what does listen.
class nothing_listens : public error {
 public:
  nothing_listens(const std::string& what, std::vector<listening> instead);
  [[nodiscard]] const std::vector<listening>& instead() const noexcept { return instead_; }

 private:
  std::vector<listening> instead_;
};

/// What listens in spaces, and connections to it from inside their own network namespaces.
class ports {
 public:
  ports(const asio::any_io_executor& executor, registry& known, lifecycle& operations, doors& all);

  /// What listens: by protocol, then port, then address. No use of the space, so it does not keep it awake;
  /// one that sleeps is thawed for the question and frozen again, and in one that is stopped nothing listens.
  /// Throws errc::space_not_found, errc::conflict (it is leaving), errc::not_supported (it has no door),
  /// errc::door_too_old, errc::overloaded, errc::engine_timed_out.
  task<std::vector<listening>> list(std::string name);

  /// Wakes the space and connects: to a port of 127.0.0.1, then ::1, then of the addresses that it is
  /// listened to on; to a path as the space's default user. One that was stopped gets some time to begin to
  /// listen. Throws nothing_listens, errc::connection_refused where the space did not let the connection come
  /// about for another reason (the path is not the user's to open, too many connections), and what `list`
  /// throws.
  task<port_connection> connect(std::string name, port_target to);

  /// The same of a space that runs, where it is not asked for by a client: nothing is woken. `names`:
  /// processes are looked for.
  task<std::vector<listening>> look(space_ptr s, bool names);

 private:
  task<std::shared_ptr<door::door>> door_of(space_ptr s) const;
  task<door::door::connected> try_once(space_ptr s, std::shared_ptr<door::door> through, port_target to);
  task<> let_sleep(space_ptr s, int held);

  asio::any_io_executor executor_;
  registry& known_;
  lifecycle& operations_;
  doors& doors_;
};

} // namespace clawdspace::spaces
