#pragma once

#include <clawdspace/core/error.hpp>
#include <clawdspace/http/exchange.hpp>

#include <utility>

namespace clawdspace::test {

/// An exchange without a connection: of the request it has a head, of the body nothing, and what is sent goes
/// nowhere. A test overrides what it looks at.
class silent_exchange : public http::exchange {
 public:
  http::request_head request;

  [[nodiscard]] const http::request_head& head() const override { return request; }
  [[nodiscard]] std::string_view id() const override { return "id"; }
  [[nodiscard]] const http::query& parameters() override { return parameters_; }
  [[nodiscard]] std::string_view path_parameter(std::string_view) const override { return {}; }
  void set_path_parameters(std::vector<std::pair<std::string, std::string>>) override {}
  [[nodiscard]] std::string_view peer() const override { return "peer"; }
  task<std::size_t> read_some(std::span<std::byte>) override { co_return 0; }
  task<std::optional<std::size_t>> read_to_pipe(int) override { co_return 0; }
  void allow_slow_body() override {}
  task<> ask_for_body() override { co_return; }
  task<std::string> read_all(bytes) override { co_return std::string(); }
  [[nodiscard]] const http::fields& trailers() const override { return request.headers; }
  task<> respond(http::response) override { co_return; }
  task<> start(int, http::fields, std::vector<std::string>) override { co_return; }
  task<> start_sized(int, http::fields, std::uint64_t) override { co_return; }
  task<> start_relayed(http::relayed_head, std::span<const std::byte>) override { co_return; }
  task<> inform(int, http::fields) override { co_return; }
  using http::exchange::write;
  task<> write(std::span<const std::byte>) override { co_return; }
  task<> write_from_pipe(int, std::size_t) override {
    throw error(errc::internal, "there is no connection");
    co_return;
  }
  task<> finish(http::fields) override { co_return; }
  task<http::websocket*> accept_websocket(http::websocket_options) override {
    throw error(errc::internal, "there is no connection");
    co_return nullptr;
  }
  task<http::raw_stream*> switch_protocols(http::fields) override {
    throw error(errc::internal, "there is no connection");
    co_return nullptr;
  }
  [[nodiscard]] bool started() const override { return false; }
  [[nodiscard]] std::uint64_t bytes_sent() const override { return 0; }
  task<> wait_departure() override {
    asio::steady_timer never(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
  }
  [[nodiscard]] std::unique_ptr<poller::watch> on_departure(std::function<void()>) override {
    return nullptr;
  }

 protected:
  http::query parameters_;
};

} // namespace clawdspace::test
