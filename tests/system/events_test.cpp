#include "daemon.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <mutex>
#include <thread>

namespace clawdspace::test {

namespace {

/// A follower of /api/events on a thread of its own, from `last_id` on where there is one.
class follower {
 public:
  explicit follower(const api_client& api, const std::string& last_id = "") : client_(api.make()) {
    httplib::Headers headers;
    if (!last_id.empty()) headers.emplace("Last-Event-ID", last_id);
    thread_ = std::thread([this, headers] {
      const auto result = client_->Get("/api/events", headers, [this](const char* data, std::size_t size) {
        const std::lock_guard lock(mutex_);
        text_.append(data, size);
        return true;
      });
      ended_well_ = static_cast<bool>(result);
    });
  }
  follower(const follower&) = delete;
  follower& operator=(const follower&) = delete;
  ~follower() { end(); }

  [[nodiscard]] std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  [[nodiscard]] bool sees(const std::string& words) const {
    return eventually([&] { return text().find(words) != std::string::npos; });
  }
  void end() {
    if (!thread_.joinable()) return;
    client_->stop();
    thread_.join();
  }
  /// Once the server has ended the stream: whether it did so in order, with the last chunk.
  [[nodiscard]] bool ended_well() {
    thread_.join();
    return ended_well_;
  }

 private:
  std::unique_ptr<httplib::Client> client_;
  mutable std::mutex mutex_;
  std::string text_;
  bool ended_well_ = false;
  std::thread thread_;
};

} // namespace

TEST_CASE("events come in order with ids, resume where one left off, and end in order with the daemon") {
  daemon host;
  follower first(host.api());
  REQUIRE(first.sees(": clawdspace"));
  {
    const space s(host);
    s.run("true");
    host.api().post(s.path("/stop"));
  }
  REQUIRE(first.sees("event: space.destroyed"));
  const auto text = first.text();
  std::size_t at = 0;
  for (const auto* type :
       {"space.created", "space.running", "exec.started", "exec.ended", "space.paused", "space.destroyed"}) {
    CAPTURE(type);
    at = text.find(std::string("event: ") + type, at);
    REQUIRE(at != std::string::npos);
  }
  const auto running = text.find("event: space.running");
  const auto id_at = text.rfind("id: ", running) + 4;
  const auto id = text.substr(id_at, text.find('\n', id_at) - id_at);
  follower second(host.api(), id);
  REQUIRE(second.sees("event: space.destroyed"));
  const auto resumed = second.text();
  // Everything after that id, nothing before it.
  const auto rest = text.substr(text.find("\n\n", running) + 2);
  CHECK(resumed.find(rest) != std::string::npos);
  CHECK(resumed.find("event: space.running") == std::string::npos);
  follower stranger(host.api(), "00000000-5");
  CHECK(stranger.sees("event: gap"));
  CHECK(host.stop(SIGTERM) == 0);
  CHECK(first.ended_well());
  CHECK(second.ended_well());
}

} // namespace clawdspace::test
