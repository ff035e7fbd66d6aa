#include "client_impl.hpp"
#include <clawdspace/engine/json.hpp>

#include <utility>

namespace clawdspace::engine {

client::client(const asio::any_io_executor& executor, endpoint where, client_settings settings)
    : impl_(std::make_unique<impl>(executor, std::move(where), settings)) {}
client::~client() = default;

const endpoint& client::where() const noexcept { return impl_->where(); }
std::uint64_t client::calls() const noexcept { return impl_->calls(); }

task<> client::ping() { co_await impl_->call({.method = "GET", .path = "/_ping", .versioned = false}); }

task<version> client::negotiate() {
  const auto pong = co_await impl_->call({.method = "GET", .path = "/_ping", .versioned = false});
  const auto told = co_await impl_->call({.method = "GET", .path = "/version", .versioned = false});
  auto spoken = read_version(parse_answer(told.body, "/version"));
  if (spoken.api.empty()) spoken.api = pong.head.headers.find("Api-Version").value_or("");
  if (spoken.minimum_api.empty())
    spoken.minimum_api = oldest_spoken.to_string(); // not told by all who imitate it
  const auto agreed = value_or_throw(agree(value_or_throw(api_version::parse(spoken.minimum_api)),
                                           value_or_throw(api_version::parse(spoken.api))));
  impl_->use(agreed);
  spoken.negotiated = agreed.to_string();
  co_return spoken;
}

task<info> client::get_info() {
  const auto got = co_await impl_->call({.method = "GET", .path = "/info"});
  co_return read_info(parse_answer(got.body, "/info"));
}

task<image_detail> client::inspect_image(std::string reference) {
  const auto got =
      co_await impl_->call({.method = "GET", .path = fmt::format("/images/{}/json", escaped(reference))});
  co_return read_image(parse_answer(got.body, "the inspection of an image"));
}

} // namespace clawdspace::engine
