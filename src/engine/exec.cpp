#include "client_impl.hpp"
#include "raw_stream.hpp"
#include <clawdspace/engine/json.hpp>

#include <boost/json/serialize.hpp>

#include <utility>

namespace clawdspace::engine {

namespace json = boost::json;

task<std::string> client::create_exec(std::string container, exec_spec spec) {
  // Made twice, the first is never started and the Engine forgets it.
  const auto got = co_await impl_->call({.method = "POST",
                                         .path = fmt::format("/containers/{}/exec", escaped(container)),
                                         .body = json::serialize(to_json(spec))});
  co_return read_id(parse_answer(got.body, "the creation of an exec"));
}

task<std::unique_ptr<exec_stream>> client::start_exec(std::string exec, bool tty) {
  auto opened = co_await impl_->open({.method = "POST",
                                      .path = fmt::format("/exec/{}/start", escaped(exec)),
                                      .body = json::serialize(json::object{{"Detach", false}, {"Tty", tty}}),
                                      .repeatable = false},
                                     true);
  auto [socket, first] = opened.link->release();
  co_return std::make_unique<raw_stream>(std::move(socket), std::move(first), tty);
}

task<exec_detail> client::inspect_exec(std::string exec) {
  const auto got =
      co_await impl_->call({.method = "GET", .path = fmt::format("/exec/{}/json", escaped(exec))});
  co_return read_exec(parse_answer(got.body, "the inspection of an exec"));
}

task<> client::resize_exec(std::string exec, int rows, int columns) {
  co_await impl_->call({.method = "POST",
                        .path = fmt::format("/exec/{}/resize", escaped(exec)),
                        .query = fmt::format("h={}&w={}", rows, columns)});
}

} // namespace clawdspace::engine
