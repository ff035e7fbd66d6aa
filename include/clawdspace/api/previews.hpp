#pragma once

#include <clawdspace/core/task.hpp>
#include <clawdspace/http/exchange.hpp>
#include <clawdspace/proxy/forward.hpp>
#include <clawdspace/proxy/passes.hpp>
#include <clawdspace/proxy/preview.hpp>
#include <clawdspace/space/lifecycle.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace clawdspace::api {

/// How requests reach the servers that run in spaces.
struct preview_parts {
  spaces::registry& known;
  spaces::lifecycle& operations;
  clock& time;
  proxy::pool& connections;
  proxy::passes passes;
  /// A connection to a port of the space of that name, which is awake.
  std::function<task<proxy::stream_socket>(std::string name, std::uint16_t port)> connect;
};

struct preview_settings {
  std::string key;                  ///< which no space ever sees
  std::string domain;               ///< besides localhost; empty for none
  std::vector<std::string> trusted; ///< addresses whose X-Forwarded-… are believed
  std::optional<milliseconds> head_time;
  bytes body_limit = 16_MiB; ///< of a JSON body
};

/// What spaces serve, for browsers and programs. Two ways: below the API's own path, where nothing of it may
/// ever run in the dashboard's origin, and at an address of its own, `PORT--NAME.localhost`, where it may do
/// what any site may. An address is private unless its port was made public: a signed link lets a browser in,
/// which then has a cookie for that one host; programs give the key.
class previews {
 public:
  previews(preview_parts below, preview_settings how);

  /// Whose address a request came to; nothing where that is ours.
  [[nodiscard]] std::optional<proxy::preview_host> address_of(const http::request_head& head) const;
  /// Answers a request to one.
  task<> serve(http::exchange& x, proxy::preview_host where);

  /// ANY /api/spaces/{name}/ports/{port}/{path*}
  task<> serve_below_path(http::exchange& x);
  /// GET and PUT /api/spaces/{name}/ports/{port}
  task<> show(http::exchange& x);
  task<> change(http::exchange& x);
  /// POST /api/spaces/{name}/ports/{port}/links
  task<> make_link(http::exchange& x);

  /// Where a browser sees a port, by the name that `head` used for us.
  [[nodiscard]] std::string url_of(const http::request_head& head, std::string_view peer,
                                   const proxy::preview_host& what) const;

 private:
  enum class entry { none, open, key, cookie };
  [[nodiscard]] entry entry_of(const http::exchange& x, const spaces::space_ptr& s, std::uint16_t port) const;
  void check_site(const http::request_head& head, const proxy::preview_host& where) const;
  task<bool> take_link(http::exchange& x, spaces::space_ptr s, proxy::preview_host where);
  [[nodiscard]] bool trusts(std::string_view peer) const;
  [[nodiscard]] std::string scheme_of(const http::request_head& head, std::string_view peer) const;
  [[nodiscard]] http::fields headers_for_space(const http::exchange& x, std::string_view prefix) const;
  task<> pass_on(http::exchange& x, spaces::space_ptr s, std::uint16_t port, proxy::errand how);
  task<> respond_with_port(http::exchange& x, spaces::space_ptr s, std::uint16_t port);

  preview_parts parts_;
  preview_settings settings_;
};

} // namespace clawdspace::api
