#include "file_answer.hpp"
#include "file_listing.hpp"
#include "files_by_engine.hpp"
#include <clawdspace/api/file_request.hpp>
#include <clawdspace/api/service.hpp>
#include <clawdspace/files/protocol.hpp>

#include <fmt/format.h>

namespace clawdspace::api {

namespace json = boost::json;
namespace protocol = clawdspace::files;

namespace {

/// The folder's name with `.tar` (RFC 6266, RFC 8187).
std::string disposition(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  const auto name = path.substr(path.rfind('/') + 1);
  const auto shown = name.empty() ? "root" : name == "~" ? "home" : name;
  return fmt::format("attachment; filename*=UTF-8''{}.tar", http::percent_encode(shown));
}

http::fields headers_of_archive(std::string_view path) {
  auto headers = headers_of_bytes("application/x-tar");
  headers.set("Content-Disposition", disposition(path));
  headers.set("Cache-Control", "no-store");
  headers.add("Accept-Ranges", "none");
  return headers;
}

/// What was left out, in words that can stand in a trailer.
std::string first_warning(const json::object& told) {
  json::object of;
  add_warnings(of, told);
  const auto* list = of.if_contains("warnings");
  if (list == nullptr) return {};
  std::string words(list->get_array().front().get_string());
  for (char& c : words)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  words.resize(std::min<std::size_t>(words.size(), 1000));
  return words;
}

} // namespace

task<> service::get_archive(http::exchange& x) {
  const auto s = parts_.known.at(x.path_parameter("name"));
  const auto path = file_path(x.path_parameter("path"));
  const auto how = file_query_from(x.parameters(), {"user"});
  const bool only_head = x.head().method == "HEAD";
  const auto work = [&]() -> task<> {
    spaces::lease held;
    spaces::file_request wanted{
        .operation = protocol::op_pack, .options = {}, .paths = {path}, .user = how.user};
    if (only_head) {
      wanted.operation = protocol::op_stat;
      wanted.options.emplace_back(protocol::option_follow);
    }
    const auto job = co_await parts_.files.start(s, std::move(wanted), held);
    if (!job) {
      co_await pack_by_engine(x, parts_.files_by_engine, s, path, how.user, headers_of_archive(path));
      co_return;
    }
    co_await job->said();
    co_await x.start(200, headers_of_archive(path),
                     {"X-Archive-Entries", "X-Archive-Warnings", "X-Archive-Warning"});
    http::fields last;
    if (!only_head) {
      co_await send_payload(x, *job, std::nullopt);
      const auto told = co_await job->said(); // or it is not whole, and its connection is cut
      last.add("X-Archive-Entries", std::to_string(number_in(told, "entries").value_or(0)));
      if (const auto count = number_in(told, "warningCount"))
        last.add("X-Archive-Warnings", std::to_string(*count));
      if (auto words = first_warning(told); !words.empty()) last.add("X-Archive-Warning", std::move(words));
    }
    job->is_over();
    co_await x.finish(std::move(last));
  };
  co_await while_here(x, work());
}

} // namespace clawdspace::api
