#include "client_impl.hpp"
#include <clawdspace/core/log.hpp>
#include <clawdspace/engine/json.hpp>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <utility>

namespace clawdspace::engine {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

std::string container_path(std::string_view id, std::string_view what) {
  return fmt::format("/containers/{}{}", escaped(id), what);
}

void tell(const std::vector<std::string>& warnings, std::string_view container) {
  for (const auto& one : warnings)
    log_warning("the Docker Engine warns", {field("container", container), field("warning", one)});
}

} // namespace

task<std::vector<container_summary>> client::list_containers(std::string label) {
  const auto filters = json::serialize(json::object{{"label", json::array{label}}});
  const auto got = co_await impl_->call(
      {.method = "GET", .path = "/containers/json", .query = "all=1&filters=" + escaped(filters)});
  co_return read_containers(parse_answer(got.body, "the list of containers"));
}

task<container_detail> client::inspect_container(std::string id) {
  const auto got = co_await impl_->call({.method = "GET", .path = container_path(id, "/json")});
  co_return read_container(parse_answer(got.body, "the inspection of a container"));
}

task<std::string> client::create_container(std::string name, container_spec spec) {
  const auto got = co_await impl_->call({.method = "POST",
                                         .path = "/containers/create",
                                         .query = "name=" + escaped(name),
                                         .body = json::serialize(to_json(spec)),
                                         .repeatable = false},
                                        impl_->settings().slow_call_time);
  const auto made = parse_answer(got.body, "the creation of a container");
  tell(read_warnings(made), name);
  co_return read_id(made);
}

task<> client::start_container(std::string id) {
  co_await impl_->call({.method = "POST", .path = container_path(id, "/start")},
                       impl_->settings().slow_call_time);
}

task<> client::stop_container(std::string id, std::chrono::milliseconds grace) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(std::max(grace, 0ms));
  co_await impl_->call(
      {.method = "POST", .path = container_path(id, "/stop"), .query = fmt::format("t={}", seconds.count())},
      impl_->settings().slow_call_time + seconds);
}

task<> client::pause_container(std::string id) {
  co_await impl_->call({.method = "POST", .path = container_path(id, "/pause")});
}

task<> client::unpause_container(std::string id) {
  co_await impl_->call({.method = "POST", .path = container_path(id, "/unpause")});
}

task<> client::kill_container(std::string id, std::string signal) {
  co_await impl_->call({.method = "POST",
                        .path = container_path(id, "/kill"),
                        .query = "signal=" + escaped(signal),
                        .repeatable = false});
}

task<> client::impl::remove(const std::string& id) {
  try {
    co_await call({.method = "DELETE", .path = container_path(id, ""), .query = "force=1&v=1"},
                  settings_.slow_call_time);
    co_return;
  } catch (const engine_error& e) {
    if (e.status() == 404) co_return;
    if (e.status() != 409 || e.words().find("already in progress") == std::string::npos) throw;
  }
  // Somebody else's removal: there is no call that waits for its end (moby#37698).
  asio::steady_timer pause(co_await asio::this_coro::executor);
  for (auto wait = 10ms;; wait = std::min(wait * 2, 500ms)) {
    pause.expires_after(wait);
    co_await pause.async_wait(asio::use_awaitable);
    try {
      co_await call({.method = "GET", .path = container_path(id, "/json")});
    } catch (const engine_error& e) {
      if (e.status() != 404) throw;
      co_return;
    }
  }
}

task<> client::remove_container(std::string id) {
  co_await in_time<void>(impl_->settings().slow_call_time, "the removal of " + id, impl_->remove(id));
}

task<> client::update_container(std::string id, resource_update change) {
  const auto got = co_await impl_->call(
      {.method = "POST", .path = container_path(id, "/update"), .body = json::serialize(to_json(change))});
  tell(read_warnings(parse_answer(got.body, "the update of a container")), id);
}

task<stats> client::container_stats(std::string id) {
  const auto got = co_await impl_->call(
      {.method = "GET", .path = container_path(id, "/stats"), .query = "stream=false&one-shot=true"});
  co_return read_stats(parse_answer(got.body, "the statistics of a container"));
}

} // namespace clawdspace::engine
