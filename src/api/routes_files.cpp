#include "file_answer.hpp"
#include "file_listing.hpp"
#include "files_by_engine.hpp"
#include <clawdspace/api/bodies.hpp>
#include <clawdspace/api/file_request.hpp>
#include <clawdspace/api/service.hpp>
#include <clawdspace/files/protocol.hpp>

#include <fmt/format.h>

#include <unistd.h>

namespace clawdspace::api {

namespace json = boost::json;
namespace protocol = clawdspace::files;

using spaces::file_job;
using spaces::file_request;

namespace {

/// What is collected rather than streamed: it goes out in one piece with its head.
constexpr std::uint64_t small = std::uint64_t{64} << 10;

task<> respond_small(http::exchange& x, file_job& job, int status, http::fields headers,
                     std::uint64_t length) {
  http::response answer{.status = status, .headers = std::move(headers), .body = {}};
  answer.body.resize(length);
  for (std::size_t have = 0; have < length;) {
    if (co_await job.ready() == 0) {
      co_await job.said(); // why
      throw error(errc::space_failed, "a file ended before its length");
    }
    const auto n = ::read(job.output(), answer.body.data() + have, length - have);
    if (n > 0) have += static_cast<std::size_t>(n);
  }
  job.is_over();
  co_await x.respond(std::move(answer));
}

/// The part that the head names; nothing where it makes no sense.
struct part {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::uint64_t size = 0;
};
std::optional<part> part_in(const json::object& head) {
  const auto offset = number_in(head, "offset");
  const auto length = number_in(head, "length");
  const auto size = number_in(head, "size");
  if (!offset || !length || !size || *offset < 0 || *length < 0 || *offset > *size ||
      *length > *size - *offset)
    return std::nullopt;
  return part{.offset = static_cast<std::uint64_t>(*offset),
              .length = static_cast<std::uint64_t>(*length),
              .size = static_cast<std::uint64_t>(*size)};
}

task<> respond_with_file(http::exchange& x, file_job& job, const json::object& head) {
  auto headers = headers_of_file(head);
  if (text_in(head, "send") == "none") {
    job.is_over();
    co_await x.respond({.status = 304, .headers = std::move(headers), .body = {}});
    co_return;
  }
  const bool only_head = x.head().method == "HEAD";
  if (only_head) job.is_over();
  if (!flag_in(head, "sized")) {
    headers.add("Accept-Ranges", "none");
    co_await x.start(200, std::move(headers));
    if (!only_head) {
      co_await send_payload(x, job, std::nullopt);
      co_await job.said();
      job.is_over();
    }
    co_await x.finish();
    co_return;
  }
  const auto told = part_in(head);
  if (!told) throw error(errc::space_failed, "the program for files named a part that cannot be");
  headers.add("Accept-Ranges", "bytes");
  const bool partial = text_in(head, "send") == "part";
  if (partial)
    headers.add("Content-Range",
                fmt::format("bytes {}-{}/{}", told->offset, told->offset + told->length - 1, told->size));
  const int status = partial ? 206 : 200;
  if (!only_head && told->length <= small) {
    co_await respond_small(x, job, status, std::move(headers), told->length);
    co_return;
  }
  co_await x.start_sized(status, std::move(headers), told->length);
  if (!only_head) {
    co_await send_payload(x, job, told->length);
    job.is_over();
  }
  co_await x.finish();
}

task<> respond_with_folder_head(http::exchange& x) {
  co_await x.start(200, headers_of_listing());
  co_await x.finish();
}

} // namespace

task<> service::get_file(http::exchange& x) {
  const auto s = parts_.known.at(x.path_parameter("name"));
  auto path = file_path(x.path_parameter("path"));
  const auto how = file_query_from(x.parameters(), {"user", "limit", "after"});
  // What can only be a folder is not asked what it is.
  const bool is_folder = path.ends_with('/') || how.limit || how.after;
  if (is_folder && x.head().method == "GET")
    co_await while_here(x, list_folder(x, s, std::move(path)));
  else
    co_await while_here(x, read_file(x, s, std::move(path)));
}

task<> service::read_file(http::exchange& x, spaces::space_ptr s, std::string path) {
  const auto how = file_query_from(x.parameters(), {"user", "limit", "after"});
  spaces::lease held;
  auto job = co_await parts_.files.start(
      s,
      {.operation = protocol::op_read, .options = read_options(x.head()), .paths = {path}, .user = how.user},
      held);
  if (!job) {
    co_await read_by_engine(x, parts_.files_by_engine, s, path, how.user);
    co_return;
  }
  const auto head = co_await job->said();
  if (text_in(head, "kind") != "folder") {
    co_await respond_with_file(x, *job, head);
    co_return;
  }
  job->is_over();
  job.reset();
  if (x.head().method == "HEAD")
    co_await respond_with_folder_head(x);
  else
    co_await list_folder(x, s, std::move(path));
}

task<> service::list_folder(http::exchange& x, spaces::space_ptr s, std::string path) {
  const auto how = file_query_from(x.parameters(), {"user", "limit", "after"});
  file_request wanted{.operation = protocol::op_list, .options = {}, .paths = {path}, .user = how.user};
  if (how.limit) wanted.options.push_back(protocol::option_limit + std::to_string(*how.limit));
  if (how.after) wanted.options.push_back(protocol::option_after + *how.after);
  spaces::lease held;
  const auto job = co_await parts_.files.start(s, std::move(wanted), held);
  if (!job) must_have_door(*s, "a folder's listing");
  const auto head = co_await job->said();
  co_await send_listing(x, *job, path, head);
}

task<> service::remove_file(http::exchange& x) {
  const auto s = parts_.known.at(x.path_parameter("name"));
  const auto how = file_query_from(x.parameters(), {"user", "recursive"});
  const auto path = file_path(x.path_parameter("path"));
  const auto work = [&]() -> task<> {
    spaces::lease held;
    file_request wanted{
        .operation = protocol::op_remove, .options = {}, .paths = {path}, .user = how.user, .input = false};
    wanted.options = co_await conditions_of(x, s, path, how.user);
    if (how.recursive) wanted.options.emplace_back(protocol::option_recursive);
    const auto job = co_await parts_.files.start(s, std::move(wanted), held);
    if (!job) must_have_door(*s, "removing files");
    co_await job->said();
    job->is_over();
    co_await x.respond({.status = 204, .headers = {}, .body = {}});
  };
  co_await while_here(x, work());
}

task<> service::change_file(http::exchange& x) {
  const auto s = parts_.known.at(x.path_parameter("name"));
  const auto how = file_query_from(x.parameters(), {"user"});
  const auto body = co_await read_json(x, settings_.body_limit);
  auto wanted = operation_from(body, file_path(x.path_parameter("path")));
  wanted.user = how.user;
  const auto operation = wanted.operation;
  const bool moves = operation == protocol::op_rename || operation == protocol::op_copy;
  const auto at = moves ? wanted.paths[1] : wanted.paths[0];
  const auto work = [&]() -> task<> {
    spaces::lease held;
    const auto job = co_await parts_.files.start(s, std::move(wanted), held);
    if (!job) must_have_door(*s, operation);
    const auto told = co_await job->said();
    job->is_over();
    auto entry = to_entry(told);
    add_warnings(entry, told);
    const bool made =
        operation == protocol::op_mkdir ? flag_in(told, "created") : operation != protocol::op_chmod;
    auto answer = json_response(made ? 201 : 200, entry);
    if (made) answer.headers.add("Location", file_url(s->self.name, at));
    co_await x.respond(std::move(answer));
  };
  co_await while_here(x, work());
}

} // namespace clawdspace::api
