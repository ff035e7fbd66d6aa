#include <clawdspace/api/bodies.hpp>
#include <clawdspace/api/json.hpp>
#include <clawdspace/api/service.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace clawdspace::api {

namespace json = boost::json;

namespace {

// `label=k=v`, any number of them: all must hold.
std::vector<std::pair<std::string, std::string>> labels_in(const http::query& parameters) {
  std::vector<std::pair<std::string, std::string>> labels;
  for (const auto& [name, value] : parameters) {
    if (name != "label")
      throw error(errc::unknown_field,
                  fmt::format("there is no parameter \"{}\" here; there is: label", name));
    const auto equals = value.find('=');
    if (equals == std::string::npos || equals == 0)
      refuse("label", fmt::format("\"{}\" is not key=value", value));
    labels.emplace_back(value.substr(0, equals), value.substr(equals + 1));
  }
  return labels;
}

bool carries(const spaces::space& s, const std::vector<std::pair<std::string, std::string>>& labels) {
  return std::ranges::all_of(labels, [&](const auto& label) {
    const auto found = s.settings.metadata.find(label.first);
    return found != s.settings.metadata.end() && found->second == label.second;
  });
}

} // namespace

task<> service::respond_with_space(http::exchange& x, int status, spaces::space_ptr s) {
  auto answer = json_response(status, to_json(*s, parts_.operations.rules()));
  if (status == 201) answer.headers.add("Location", fmt::format("/api/spaces/{}", s->self.name));
  co_await x.respond(std::move(answer));
}

task<> service::list(http::exchange& x) {
  if (!parts_.known.is_filled())
    throw error(errc::engine_unavailable,
                "the Docker Engine has not been reached yet: which spaces there are is not known");
  const auto labels = labels_in(x.parameters());
  const auto write = [&] {
    json::array all;
    for (const auto& [name, s] : parts_.known.all())
      if (carries(*s, labels)) all.push_back(to_json(*s, parts_.operations.rules()));
    return to_text(json::object{{"spaces", std::move(all)}}) + "\n";
  };
  http::response answer;
  answer.headers.add("Content-Type", "application/json");
  if (labels.empty()) {
    // What a reader could see has not changed since it was last written: hundreds of readers a second cost a
    // copy each.
    if (list_revision_ != parts_.known.changed().value()) {
      list_ = write();
      list_revision_ = parts_.known.changed().value();
    }
    answer.body = list_;
  } else {
    answer.body = write();
  }
  co_await x.respond(std::move(answer));
}

task<> service::create(http::exchange& x) {
  const auto body = co_await read_json(x, settings_.body_limit);
  auto wanted = to_create_request(body);
  const auto s = co_await parts_.operations.create(std::move(wanted));
  co_await respond_with_space(x, 201, s);
}

task<> service::show(http::exchange& x) {
  co_await respond_with_space(x, 200, parts_.known.at(x.path_parameter("name")));
}

task<> service::change(http::exchange& x) {
  const auto s = parts_.known.at(x.path_parameter("name"));
  const auto body = co_await read_json(x, settings_.body_limit);
  auto wanted = to_change_request(body);
  co_await parts_.operations.change(s, std::move(wanted));
  co_await respond_with_space(x, 200, s);
}

task<> service::destroy(http::exchange& x) {
  co_await parts_.operations.destroy(parts_.known.at(x.path_parameter("name")));
  http::response answer;
  answer.status = 204;
  co_await x.respond(std::move(answer));
}

task<> service::stop(http::exchange& x) {
  const auto s = parts_.known.at(x.path_parameter("name"));
  const auto body = co_await read_json(x, settings_.body_limit);
  const fields_of fields(body, {"depth"});
  const auto word = fields.text("depth").value_or("paused");
  if (word != "paused" && word != "stopped")
    refuse("depth", fmt::format("\"{}\" is neither paused nor stopped", word));
  co_await parts_.operations.stop(s, word == "stopped" ? spaces::sleep_depth::stopped
                                                       : spaces::sleep_depth::paused);
  co_await respond_with_space(x, 200, s);
}

task<> service::start(http::exchange& x) {
  const auto s = parts_.known.at(x.path_parameter("name"));
  const auto body = co_await read_json(x, settings_.body_limit);
  const fields_of fields(body, {});
  const auto awake = co_await parts_.operations.wake(s);
  co_await respond_with_space(x, 200, s);
}

} // namespace clawdspace::api
