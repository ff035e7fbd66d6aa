#include "file_answer.hpp"
#include "file_listing.hpp"
#include "files_by_engine.hpp"
#include <clawdspace/api/bodies.hpp>
#include <clawdspace/api/file_request.hpp>
#include <clawdspace/api/json.hpp>
#include <clawdspace/api/service.hpp>
#include <clawdspace/files/protocol.hpp>

#include <fmt/format.h>

#include <system_error>

namespace clawdspace::api {

namespace json = boost::json;
namespace protocol = clawdspace::files;

using spaces::file_job;
using spaces::file_request;

namespace {

/// The request's body, as its payload. Ends early where the job takes no more: it then says why.
task<> take_body(http::exchange& x, file_job& job) {
  try {
    for (;;) {
      const auto moved = co_await x.read_to_pipe(job.input());
      if (moved == 0u) break;
      if (!moved) co_await job.wait_for_room();
    }
  } catch (const std::system_error& e) {
    if (e.code() != std::errc::broken_pipe) throw;
  }
  job.close_input();
}

void check_upload(const http::request_head& head) {
  if (head.headers.contains("content-range")) // RFC 9110 section 14.5
    throw error(errc::malformed_request,
                "a part of a file cannot be put: send the whole, without Content-Range");
  const auto coding = head.headers.find("content-encoding");
  if (coding && !http::iequals(*coding, "identity"))
    throw error(
        errc::unsupported_media_type,
        fmt::format("the body's coding \"{}\" would become a part of the file: send it without", *coding));
}

void add_length(std::vector<std::string>& options, const http::request_head& head) {
  if (!head.chunked)
    options.push_back(protocol::option_length + std::to_string(head.content_length.value_or(0)));
}

std::int64_t seconds_of(const json::object& told) {
  const auto ms = number_in(told, "mtimeMs").value_or(0);
  return ms >= 0 ? ms / 1000 : (ms + 1) / 1000 - 1;
}

} // namespace

// A date becomes the etag of what is there: the program compares that when it replaces it.
task<std::vector<std::string>> service::conditions_of(http::exchange& x, spaces::space_ptr s,
                                                      std::string path, std::string user) {
  auto options = change_options(x.head());
  const auto text = x.head().headers.find("if-unmodified-since");
  const auto since = text ? http::from_http_date(*text) : std::nullopt;
  if (!since || x.head().headers.contains("if-match")) co_return options; // RFC 9110 section 13.2.2
  spaces::lease held;
  const auto job = co_await parts_.files.start(s,
                                               {.operation = protocol::op_stat,
                                                .options = {protocol::option_follow},
                                                .paths = {path},
                                                .user = std::move(user)},
                                               held);
  if (!job) co_return options;
  try {
    const auto told = co_await job->said();
    job->is_over();
    if (seconds_of(told) > *since)
      throw spaces::file_error("precondition", fmt::format("{}: it was modified since", path));
    options.push_back(protocol::option_if_match + etag_in(told));
  } catch (const spaces::file_error& e) {
    job->is_over();
    if (e.word() != "not_found") throw;
  }
  co_return options;
}

task<> service::put_file(http::exchange& x) {
  const auto s = parts_.known.at(x.path_parameter("name"));
  const auto path = file_path(x.path_parameter("path"));
  const auto how = file_query_from(x.parameters(), {"user", "mode", "parents"});
  check_upload(x.head());
  x.allow_slow_body();
  const auto work = [&]() -> task<> {
    file_request wanted{
        .operation = protocol::op_write, .options = {}, .paths = {path}, .user = how.user, .input = true};
    wanted.options = co_await conditions_of(x, s, path, how.user);
    add_length(wanted.options, x.head());
    if (how.mode) wanted.options.push_back(protocol::option_mode + *how.mode);
    if (how.parents) wanted.options.emplace_back(protocol::option_parents);
    spaces::lease held;
    const auto job = co_await parts_.files.start(s, std::move(wanted), held);
    if (!job) {
      co_await write_by_engine(x, parts_.files_by_engine, s, path, how.user, how.mode, how.parents,
                               settings_.body_limit);
      co_return;
    }
    co_await job->said(); // it is not refused: now the body may come
    co_await take_body(x, *job);
    const auto told = co_await job->said();
    job->is_over();
    const bool created = flag_in(told, "created");
    auto answer = created ? json_response(201, to_entry(told))
                          : http::response{.status = 204, .headers = {}, .body = {}};
    if (created) answer.headers.add("Location", file_url(s->self.name, path));
    if (auto tag = etag_in(told); !tag.empty()) answer.headers.add("ETag", std::move(tag));
    co_await x.respond(std::move(answer));
  };
  co_await while_here(x, work());
}

task<> service::put_archive(http::exchange& x) {
  const auto s = parts_.known.at(x.path_parameter("name"));
  const auto how = file_query_from(x.parameters(), {"user", "parents"});
  file_request wanted{.operation = protocol::op_unpack,
                      .options = {},
                      .paths = {file_path(x.path_parameter("path"))},
                      .user = how.user,
                      .input = true};
  add_length(wanted.options, x.head());
  if (how.parents) wanted.options.emplace_back(protocol::option_parents);
  x.allow_slow_body();
  const auto work = [&]() -> task<> {
    spaces::lease held;
    const auto path = wanted.paths[0];
    const auto job = co_await parts_.files.start(s, std::move(wanted), held);
    if (!job) {
      co_await unpack_by_engine(x, parts_.files_by_engine, s, path, how.user, how.parents);
      co_return;
    }
    const auto head = co_await job->said();
    co_await take_body(x, *job);
    const auto told = co_await job->said();
    job->is_over();
    json::object answer{{"created", flag_in(head, "created")},
                        {"entries", number_in(told, "entries").value_or(0)},
                        {"bytes", number_in(told, "bytes").value_or(0)}};
    add_warnings(answer, told);
    co_await x.respond(json_response(200, answer));
  };
  co_await while_here(x, work());
}

} // namespace clawdspace::api
