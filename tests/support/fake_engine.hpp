#pragma once

#include <clawdspace/core/nursery.hpp>
#include <clawdspace/core/revision.hpp>
#include <clawdspace/http/message.hpp>

#include <boost/json.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <support/scripted_peer.hpp>
#include <vector>

namespace clawdspace::test {

/// A Docker Engine of few words, on the test's own loop: keeps containers as the real one does, and for a
/// call that a test has scripted answers what the real one will not answer on demand.
class fake_engine {
 public:
  struct container {
    std::string name;
    std::string state = "created";
    boost::json::object labels;
    std::uint64_t cpu_ns = 0;
    int pid = 0; ///< of its first process
  };

  /// What one call is answered instead.
  struct scripted {
    int status = 500; ///< 0: as it would be
    std::string words;
    bool take_effect = false; ///< does what was asked all the same
    bool cut = false;         ///< closes the connection in place of an answer
    bool hang = false;        ///< first waits for `release`
  };

  explicit fake_engine(const asio::any_io_executor& executor)
      : peer_(executor), released_(executor), published_(executor) {}

  [[nodiscard]] std::string socket() const { return peer_.path(); }

  /// Until it is cancelled.
  task<> run() {
    const auto body = [this](nursery& links) -> task<> {
      for (;;) links.start(serve(co_await peer_.accept()));
    };
    co_await with_nursery(body);
  }

  std::map<std::string, container> containers; ///< by id
  std::int64_t created = 0;                    ///< of each, in seconds since 1970

  /// The next call of that verb (`pause`, `unpause`, `create`, `start`, `stop`, `remove`, `inspect`, `list`,
  /// `stats`, `update`, `image`, `events`) is answered so.
  void script(const std::string& verb, scripted what) { scripts_[verb].push_back(std::move(what)); }
  [[nodiscard]] int calls(const std::string& verb) const {
    const auto found = calls_.find(verb);
    return found == calls_.end() ? 0 : found->second;
  }
  /// The query of each GET /events.
  std::vector<std::string> event_queries;

  void release() { released_.set(); }

  /// `at`: nanoseconds since 1970.
  void emit(std::string_view action, std::string_view id, std::int64_t at) {
    events_.push_back(
        boost::json::serialize(boost::json::object{
            {"Type", "container"}, {"Action", action}, {"Actor", {{"ID", id}}}, {"timeNano", at}}) +
        "\n");
    published_.bump();
  }
  /// Ends the streams of events that are open.
  void cut_events() {
    ++cuts_;
    published_.bump();
  }

 private:
  struct call {
    std::string verb;
    std::string id;
    std::string query;
    std::string body;
  };
  struct reply {
    int status = 200;
    std::string body;
  };

  static reply refusal(int status, std::string_view words) {
    return {status, boost::json::serialize(boost::json::object{{"message", words}})};
  }

  static call read(const std::string& request) {
    const auto line = std::string_view(request).substr(0, request.find("\r\n"));
    const auto method = line.substr(0, line.find(' '));
    auto target = line.substr(method.size() + 1);
    target = target.substr(0, target.find(' '));
    call got;
    if (const auto mark = target.find('?'); mark != std::string_view::npos) {
      got.query = target.substr(mark + 1);
      target = target.substr(0, mark);
    }
    if (target.starts_with("/v1.")) target.remove_prefix(target.find('/', 1));
    got.body = request.substr(request.find("\r\n\r\n") + 4);
    if (target == "/containers/json") {
      got.verb = "list";
    } else if (target == "/containers/create") {
      got.verb = "create";
    } else if (target.starts_with("/containers/")) {
      target.remove_prefix(12);
      got.id = target.substr(0, target.find('/'));
      target.remove_prefix(got.id.size());
      got.verb = target == "/json"    ? "inspect"
                 : method == "DELETE" ? "remove"
                                      : std::string(target.substr(1));
    } else if (target.starts_with("/images/")) {
      got.verb = "image";
    } else {
      got.verb = target.substr(1);
    }
    return got;
  }

  static std::string parameter(const call& c, std::string_view name) {
    const auto at = c.query.find(std::string(name) + "=");
    if (at == std::string::npos) return {};
    const auto value = std::string_view(c.query).substr(at + name.size() + 1);
    return http::percent_decode(value.substr(0, value.find('&')), true).value_or("");
  }

  task<> serve(scripted_peer::link link) {
    try {
      for (;;) {
        const auto request = co_await link.request();
        if (request.empty()) co_return;
        const auto got = read(request);
        ++calls_[got.verb];
        scripted as{.status = 0};
        if (auto& waiting = scripts_[got.verb]; !waiting.empty()) {
          as = waiting.front();
          waiting.pop_front();
        }
        if (as.hang) co_await released_.wait();
        if (got.verb == "events" && as.status == 0) {
          event_queries.push_back(got.query);
          co_await tell_events(link);
          co_return;
        }
        reply answer;
        if (as.status == 0 || as.take_effect) answer = act(got);
        if (as.cut) co_return;
        if (as.status != 0) answer = refusal(as.status, as.words);
        co_await link.say(http_answer(answer.status, answer.body));
      }
    } catch (const std::system_error&) {
      // the client has left, or the test is over
    }
  }

  task<> tell_events(scripted_peer::link& link) {
    const auto life = cuts_;
    auto place = events_.size();
    co_await link.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (;;) {
      const auto seen = published_.value();
      if (cuts_ != life) co_return;
      for (; place < events_.size(); ++place) {
        char size[20];
        *std::to_chars(size, size + sizeof size, events_[place].size(), 16).ptr = '\0';
        co_await link.say(std::string(size) + "\r\n" + events_[place] + "\r\n");
      }
      co_await published_.wait_past(seen);
    }
  }

  reply act(const call& c) {
    if (c.verb == "_ping") return {200, "OK"};
    if (c.verb == "version")
      return {200, R"({"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12"})"};
    if (c.verb == "info") return {200, R"({"ID":"fake","NCPU":4,"MemTotal":8589934592})"};
    if (c.verb == "image") return {200, R"({"Id":"sha256:1","Config":{"User":"node","WorkingDir":"/srv"}})"};
    if (c.verb == "list") return list(c);
    if (c.verb == "create") return create(c);
    const auto found = containers.find(c.id);
    if (found == containers.end()) return refusal(404, "No such container: " + c.id);
    auto& one = found->second;
    if (c.verb == "inspect") return inspect(c.id, one);
    if (c.verb == "stats")
      return {200, boost::json::serialize(
                       boost::json::object{{"cpu_stats", {{"cpu_usage", {{"total_usage", one.cpu_ns}}}}}})};
    if (c.verb == "update") return {200, "{}"};
    if (c.verb == "remove") {
      containers.erase(found);
      return {204, ""};
    }
    if (c.verb == "start") return move(one, {"created", "exited", "running"}, "running", "is paused");
    if (c.verb == "pause") return move(one, {"running"}, "paused", "is not running");
    if (c.verb == "unpause") return move(one, {"paused"}, "running", "is not paused");
    if (c.verb == "stop") return move(one, {"running", "exited"}, "exited", "is paused");
    return refusal(501, "the test's Engine does not know " + c.verb);
  }

  static reply move(container& one, std::initializer_list<std::string_view> from, std::string_view to,
                    std::string_view otherwise) {
    for (const auto state : from)
      if (one.state == state) {
        one.state = to;
        return {204, ""};
      }
    return refusal(409, "Container " + one.name + " " + std::string(otherwise));
  }

  reply list(const call& c) const {
    const auto filters = boost::json::parse(parameter(c, "filters"));
    const std::string wanted(filters.at("label").at(0).as_string());
    const auto equals = wanted.find('=');
    boost::json::array all;
    for (const auto& [id, one] : containers) {
      const auto* label = one.labels.if_contains(wanted.substr(0, equals));
      if (label == nullptr || label->as_string() != wanted.substr(equals + 1)) continue;
      all.push_back({{"Id", id},
                     {"Names", boost::json::array{"/" + one.name}},
                     {"Image", "image"},
                     {"State", one.state},
                     {"Created", created},
                     {"Labels", one.labels}});
    }
    return {200, boost::json::serialize(all)};
  }

  reply create(const call& c) {
    const auto name = parameter(c, "name");
    for (const auto& [id, one] : containers)
      if (one.name == name) return refusal(409, "Conflict. The container name is already in use");
    const auto id = "container" + std::to_string(++made_);
    containers[id] = {.name = name, .labels = boost::json::parse(c.body).at("Labels").as_object()};
    return {201, boost::json::serialize(boost::json::object{{"Id", id}})};
  }

  static reply inspect(const std::string& id, const container& one) {
    return {200, boost::json::serialize(boost::json::object{
                     {"Id", id},
                     {"Name", "/" + one.name},
                     {"State", {{"Status", one.state}, {"Paused", one.state == "paused"}, {"Pid", one.pid}}},
                     {"Config", {{"Labels", one.labels}}},
                     {"Created", "2026-01-31T08:00:00Z"}})};
  }

  scripted_peer peer_;
  event released_;
  revision published_;
  std::vector<std::string> events_;
  std::map<std::string, std::deque<scripted>> scripts_;
  std::map<std::string, int> calls_;
  int cuts_ = 0;
  int made_ = 0;
};

} // namespace clawdspace::test
