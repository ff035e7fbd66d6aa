#include "client_impl.hpp"
#include <clawdspace/core/log.hpp>
#include <clawdspace/engine/event_reader.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <utility>

namespace clawdspace::engine {

namespace json = boost::json;

namespace {

class events_on_connection final : public event_stream {
 public:
  explicit events_on_connection(std::unique_ptr<connection> link) : link_(std::move(link)) {}

  task<engine_event> next() override {
    for (;;) {
      while (!unread_.empty()) {
        auto got = value_or_throw(reader_.feed(unread_));
        unread_.remove_prefix(got.taken);
        if (got.left_one_out)
          log_warning("left out an event of the Docker Engine that is too long",
                      {field("limit", event_reader::longest)});
        if (got.event) co_return std::move(*got.event);
      }
      const auto piece = co_await link_->read_body();
      if (piece.empty())
        throw error(errc::engine_unavailable, "the Docker Engine ended the stream of its events");
      unread_ = {reinterpret_cast<const char*>(piece.data()), piece.size()};
    }
  }

 private:
  std::unique_ptr<connection> link_;
  event_reader reader_;
  std::string_view unread_; ///< within the connection's buffer
};

/// Seconds and nine decimals, as the Engine reads it.
std::string timestamp(time_point when) {
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch()).count();
  return fmt::format("{}.{:09}", ns / 1'000'000'000, ns % 1'000'000'000);
}

} // namespace

task<std::unique_ptr<event_stream>> client::follow_events(std::string label,
                                                          std::optional<time_point> since) {
  const auto filters =
      json::serialize(json::object{{"type", json::array{"container"}}, {"label", json::array{label}}});
  // Also for "from now": the Engine answers before it listens (moby getEvents flushes the head, then
  // subscribes), and what happens in between it gives only to who names a time. Where its clock is behind
  // ours nothing is lost by it.
  const auto from = since ? *since : std::chrono::system_clock::now();
  auto query = "filters=" + escaped(filters) + "&since=" + timestamp(from);
  auto opened = co_await impl_->open({.method = "GET", .path = "/events", .query = std::move(query)}, false);
  co_return std::make_unique<events_on_connection>(std::move(opened.link));
}

} // namespace clawdspace::engine
