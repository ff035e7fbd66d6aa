#include "file_listing.hpp"

#include <clawdspace/api/file_request.hpp>
#include <clawdspace/api/json.hpp>
#include <clawdspace/files/protocol.hpp>

#include <fmt/format.h>

namespace clawdspace::api {

namespace json = boost::json;

namespace {

/// From here on a listing is streamed.
constexpr std::size_t portion = std::size_t{32} << 10;

std::string beginning(const std::string& path, const json::object& head) {
  json::object about;
  put_text(about, "path", path);
  if (const auto total = number_in(head, "total")) about["total"] = *total;
  const auto next = text_in(head, "next");
  const bool more = flag_in(head, "more") && !next.empty();
  about["more"] = more;
  if (more) about["next"] = next;
  auto text = to_text(about);
  text.pop_back(); // it goes on
  return text + ",\"entries\":[";
}

json::object entry_in(std::string_view line) {
  json::error_code ec;
  const auto value = json::parse(line, ec);
  if (ec || !value.is_object())
    throw error(errc::space_failed, "the program for files told of an entry that is not understood");
  return to_entry(value.get_object());
}

} // namespace

http::fields headers_of_listing() {
  return {{"Content-Type", "application/json"}, {"Cache-Control", "no-cache"}};
}

task<> send_listing(http::exchange& x, spaces::file_job& job, const std::string& path,
                    const json::object& head) {
  auto text = beginning(path, head);
  std::string line;
  for (bool first = true; co_await job.read_line(line); first = false) {
    if (!first) text += ',';
    text += "\n";
    text += to_text(entry_in(line));
    if (text.size() < portion) continue;
    if (!x.started()) co_await x.start(200, headers_of_listing());
    co_await x.write(std::string_view(text));
    text.clear();
  }
  co_await job.said(); // or it is not the whole
  job.is_over();
  text += "]}\n";
  if (!x.started()) {
    co_await x.respond({.status = 200, .headers = headers_of_listing(), .body = std::move(text)});
    co_return;
  }
  co_await x.write(std::string_view(text));
  co_await x.finish();
}

void add_warnings(json::object& into, const json::object& told) {
  const auto* warnings = told.if_contains("warnings");
  if (warnings == nullptr || !warnings->is_array() || warnings->get_array().empty()) return;
  json::array kept;
  for (const auto& one : warnings->get_array())
    if (one.is_string() && kept.size() < clawdspace::files::warning_limit) kept.push_back(one);
  into["warningCount"] = number_in(told, "warningCount").value_or(static_cast<std::int64_t>(kept.size()));
  into["warnings"] = std::move(kept);
}

void must_have_door(const spaces::space& where, std::string_view what) {
  throw error(errc::not_supported, fmt::format("{} needs the door of \"{}\", and there is none: {}", what,
                                               where.self.name, where.backend_reason));
}

} // namespace clawdspace::api
