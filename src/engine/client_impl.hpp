#pragma once

#include "connection.hpp"
#include <clawdspace/core/gate.hpp>
#include <clawdspace/engine/client.hpp>
#include <clawdspace/engine/version.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace clawdspace::engine {

/// A value as a part of a request's target: everything but letters, digits and a few marks as %XX.
std::string escaped(std::string_view value);

/// Runs `op`; where it takes longer, throws errc::engine_timed_out.
template <class T> task<T> in_time(milliseconds limit, std::string what, task<T> op) {
  try {
    co_return co_await with_deadline<T>(limit, std::move(op));
  } catch (const std::system_error& e) {
    if (!is_timeout(e)) throw;
    throw error(errc::engine_timed_out,
                fmt::format("the Docker Engine did not answer {} within {} ms", what, limit.count()));
  }
}

class client::impl {
 public:
  struct request {
    std::string_view method;
    std::string path;       ///< from the API's version on
    std::string query;      ///< escaped
    std::string body;       ///< JSON
    bool repeatable = true; ///< doing it twice does no harm
    bool versioned = true;
  };
  struct answer {
    http::response_head head;
    std::string body;
  };
  struct stream {
    std::unique_ptr<connection> link;
    http::response_head head;
  };

  impl(const asio::any_io_executor& executor, endpoint where, client_settings settings)
      : where_(std::move(where)), settings_(settings), turns_(executor, settings.connections) {}

  /// A whole answer of status 2xx or 304; others throw engine_error.
  task<answer> call(request r, milliseconds limit);
  task<answer> call(request r) { return call(std::move(r), settings_.call_time); }
  /// An answer whose body is left to be read, on a connection of its own. Errors as above.
  task<stream> open(request r, bool hijack);
  /// The same for a request whose body is yet to come, in chunks.
  task<std::unique_ptr<connection>> begin_upload(request r, std::string content_type);
  task<> end_upload(connection& link, request r);
  /// Removes a container, or sees to the end of a removal that is in progress. Unbounded in itself.
  task<> remove(const std::string& id);

  [[nodiscard]] const endpoint& where() const noexcept { return where_; }
  [[nodiscard]] const client_settings& settings() const noexcept { return settings_; }
  [[nodiscard]] std::uint64_t calls() const noexcept { return calls_; }
  void use(api_version agreed) { version_ = agreed; }

  static std::string name_of(const request& r) { return fmt::format("{} {}", r.method, r.path); }

 private:
  task<answer> call_in_turn(const request& r);
  task<answer> exchange(std::unique_ptr<connection> link, const request& r);
  task<std::unique_ptr<connection>> connect();
  task<stream> open_now(const request& r, bool hijack);
  task<std::unique_ptr<connection>> begin_upload_now(const request& r, const std::string& content_type);
  task<answer> read_answer(connection& link, const request& r);
  static task<std::string> read_whole(connection& link);
  [[nodiscard]] std::string head_of(const request& r, std::string_view extra) const;
  std::unique_ptr<connection> take_idle();
  void keep(std::unique_ptr<connection> link);

  endpoint where_;
  client_settings settings_;
  api_version version_ = oldest_spoken;
  std::vector<std::unique_ptr<connection>> idle_; ///< the one used last at the end
  gate turns_;
  std::uint64_t calls_ = 0;
};

} // namespace clawdspace::engine
