#pragma once

#include "inlet.hpp"
#include "response_head.hpp"
#include "served_stream.hpp"
#include "served_websocket.hpp"
#include <clawdspace/http/exchange.hpp>

#include <array>
#include <optional>

namespace clawdspace::http {

/// What is read of a body that no handler wanted, so that the connection can go on.
inline constexpr std::size_t unwanted_body = std::size_t{64} << 10;

/// Whether an exception only says that the client left.
bool is_departure(const std::exception_ptr& failure);

/// A request that came in on a connection, and the response that goes out on it.
class served_exchange final : public exchange {
 public:
  /// What the connection lends; `scratch` is where heads are written.
  struct place {
    service& shared;
    wire& to;
    inlet& from;
    std::string& scratch;
    std::string_view peer;
    upgraded*& became; ///< set while the connection is of another protocol
  };

  explicit served_exchange(const place& where);
  ~served_exchange() override { place_.became = nullptr; }
  served_exchange(const served_exchange&) = delete;
  served_exchange& operator=(const served_exchange&) = delete;

  [[nodiscard]] const request_head& head() const override { return head_; }
  [[nodiscard]] std::string_view id() const override { return id_; }
  [[nodiscard]] const query& parameters() override;
  [[nodiscard]] std::string_view path_parameter(std::string_view name) const override;
  void set_path_parameters(std::vector<std::pair<std::string, std::string>> parameters) override {
    path_parameters_ = std::move(parameters);
  }
  [[nodiscard]] std::string_view peer() const override { return place_.peer; }

  task<std::size_t> read_some(std::span<std::byte> into) override;
  task<std::optional<std::size_t>> read_to_pipe(int pipe) override;
  void allow_slow_body() override { body_time_ = std::chrono::milliseconds::max(); }
  task<> ask_for_body() override;
  task<std::string> read_all(bytes limit) override;
  [[nodiscard]] const fields& trailers() const override { return place_.from.trailers(); }

  task<> respond(response whole) override;
  task<> start(int status, fields headers, std::vector<std::string> trailer_names) override;
  task<> start_sized(int status, fields headers, std::uint64_t length) override;
  task<> start_relayed(relayed_head head, std::span<const std::byte> first) override;
  task<> inform(int status, fields headers) override;
  task<raw_stream*> switch_protocols(fields headers) override;
  using exchange::write;
  task<> write(std::span<const std::byte> chunk) override;
  task<> write_from_pipe(int pipe, std::size_t size) override;
  task<> finish(fields trailers) override;
  task<websocket*> accept_websocket(websocket_options options) override;
  [[nodiscard]] bool started() const override { return started_; }
  [[nodiscard]] std::uint64_t bytes_sent() const override {
    return websocket_ ? websocket_->bytes_sent() : stream_ ? stream_->bytes_sent() : bytes_sent_;
  }
  task<> wait_departure() override;
  std::unique_ptr<poller::watch> on_departure(std::function<void()> left) override;

  /// The connection's part: calls the handler and makes a response of what it throws. `refused`: why the
  /// request has no handler, with the status that says so.
  task<> serve(std::exception_ptr refused, int refused_status);
  /// What went out as the response's status; 0 where nothing did.
  [[nodiscard]] int status() const noexcept { return status_; }
  /// Whether the response said that the connection goes on, and nothing speaks against it.
  [[nodiscard]] bool keeps_connection() const noexcept { return keep_alive_ && whole_; }
  /// Whether the response is whole, to its last byte.
  [[nodiscard]] bool whole() const noexcept { return whole_; }
  /// Whether the client may be sending what nobody will read.
  [[nodiscard]] bool unread() const noexcept { return websocket_ && websocket_->unread(); }
  /// Whether a client could take a response that was cut for a whole one.
  [[nodiscard]] bool looks_whole_when_cut() const noexcept { return framing_ == framing::closing; }

 private:
  task<> handle();
  task<> end_websocket(const std::exception_ptr& failure);
  task<> begin(int status, const fields& headers, response_frame with);
  void check_start() const;
  task<> send(gathered what);
  /// Whether a piece of the body goes nowhere; throws where there is no place for one.
  [[nodiscard]] bool drops_body() const;
  void check_room(std::size_t size) const;
  task<> drop_from(int pipe, std::size_t size);
  void check_expectation() const;
  [[nodiscard]] bool can_keep_connection(bool body_is_over);
  response_frame frame(framing body, std::string_view trailers = {});
  void respond_to_cancellation(const response& r);

  place place_;
  request_head& head_;
  std::string id_;
  std::optional<query> query_;
  std::vector<std::pair<std::string, std::string>> path_parameters_;
  std::chrono::milliseconds body_time_;

  framing framing_ = framing::none;
  std::uint64_t length_ = 0; ///< of a body whose framing that is
  std::uint64_t bytes_sent_ = 0;
  int status_ = 0;
  bool continued_ = false; ///< 100 was sent, or is not expected
  bool started_ = false;
  bool sending_ = false; ///< also after a send that failed or was cancelled in between
  bool whole_ = false;
  bool keep_alive_ = true;
  bool refused_ = false;
  std::optional<served_websocket> websocket_;
  std::optional<served_stream> stream_;
};

} // namespace clawdspace::http
