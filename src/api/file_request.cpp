#include <clawdspace/api/file_request.hpp>
#include <clawdspace/api/json.hpp>
#include <clawdspace/files/protocol.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

namespace clawdspace::api {

namespace json = boost::json;
namespace protocol = clawdspace::files;

namespace {

bool boolean_in(std::string_view name, std::string_view text) {
  if (text != "true" && text != "false") refuse(name, fmt::format("\"{}\" is neither true nor false", text));
  return text == "true";
}

std::int64_t limit_in(std::string_view text) {
  std::int64_t limit = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (ec != std::errc{} || end != text.data() + text.size() || limit < 1 || limit > protocol::list_limit)
    refuse("limit", fmt::format("\"{}\" is not a number from 1 to {}", text, protocol::list_limit));
  return limit;
}

/// A path that stands in a body: `name` as text, or `nameEncoded` where its bytes are no text.
std::optional<std::string> path_in(const fields_of& fields, const std::string& name) {
  auto text = fields.text(name);
  if (const auto encoded = fields.text(name + "Encoded")) {
    if (text) refuse(name, "is given twice, as it is and encoded");
    text = http::percent_decode(*encoded);
    if (!text) refuse(name + "Encoded", "has a malformed escape");
  }
  if (text && text->find('\0') != text->npos) refuse(name, "has a NUL in it");
  return text;
}

} // namespace

std::string file_path(std::string_view rest) {
  auto path = http::percent_decode(rest);
  if (!path) throw error(errc::malformed_request, "the path has a malformed escape");
  if (path->find('\0') != path->npos) refuse("path", "has a NUL in it");
  if (*path == "~" || path->starts_with("~/")) return std::move(*path);
  return "/" + *path;
}

std::string file_url(std::string_view space, std::string_view path) {
  auto url = fmt::format("/api/spaces/{}/files", space);
  if (!path.starts_with('/')) url += '/';
  for (std::size_t at = 0; at < path.size();) {
    const auto slash = std::min(path.find('/', at), path.size());
    url += http::percent_encode(path.substr(at, slash - at));
    if (slash < path.size()) url += '/';
    at = slash + 1;
  }
  return url;
}

file_query file_query_from(const http::query& query, std::initializer_list<std::string_view> known) {
  file_query how;
  for (const auto& [name, value] : query) {
    if (std::ranges::find(known, name) == known.end())
      throw error(errc::unknown_field, fmt::format("there is no parameter \"{}\" here; there are: {}", name,
                                                   fmt::join(known, ", ")));
    if (value.find('\0') != value.npos) refuse(name, "has a NUL in it");
    if (name == "user")
      how.user = value;
    else if (name == "mode")
      how.mode = mode_in(value);
    else if (name == "parents")
      how.parents = boolean_in(name, value);
    else if (name == "recursive")
      how.recursive = boolean_in(name, value);
    else if (name == "limit")
      how.limit = limit_in(value);
    else
      how.after = value;
  }
  return how;
}

std::string mode_in(std::string_view text) {
  unsigned mode = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (ec != std::errc{} || end != text.data() + text.size() || mode > 07777)
    refuse("mode", fmt::format("\"{}\" is no mode in octal such as \"0644\"", text));
  return fmt::format("{:04o}", mode);
}

spaces::file_request operation_from(const json::value& body, const std::string& path) {
  const fields_of fields(body, {"op", "to", "toEncoded", "mode", "parents", "replace"});
  const auto op = fields.text("op");
  if (!op) refuse("op", "is missing: give mkdir, rename, copy, chmod or symlink");
  const auto is = [&](const char* name) { return *op == name; };
  const bool moves = is(protocol::op_rename) || is(protocol::op_copy);
  const bool links = is(protocol::op_symlink);
  const bool makes = is(protocol::op_mkdir);
  const bool modes = is(protocol::op_chmod);
  if (!moves && !links && !makes && !modes)
    refuse("op", fmt::format("\"{}\" is none of mkdir, rename, copy, chmod and symlink", *op));

  spaces::file_request wanted{.operation = *op, .options = {}, .paths = {path}, .user = {}};
  const auto only_for = [&](std::string_view name, bool fits) {
    if (!fits && fields.has(name)) refuse(name, fmt::format("does not go with \"{}\"", *op));
  };
  only_for("to", moves || links);
  only_for("toEncoded", moves || links);
  only_for("mode", makes || modes);
  only_for("parents", makes || moves || links);
  only_for("replace", moves || links);
  if (moves || links) {
    auto to = path_in(fields, "to");
    if (!to || to->empty()) refuse("to", "is missing");
    if (moves && !to->starts_with('/') && *to != "~" && !to->starts_with("~/"))
      refuse("to", "must be an absolute path in the space, or begin with ~/");
    wanted.paths.push_back(std::move(*to));
  }
  if (const auto mode = fields.text("mode"))
    wanted.options.push_back(protocol::option_mode + mode_in(*mode));
  else if (modes)
    refuse("mode", "is missing");
  if (fields.boolean("parents").value_or(false)) wanted.options.emplace_back(protocol::option_parents);
  if (fields.boolean("replace").value_or(false)) wanted.options.emplace_back(protocol::option_replace);
  return wanted;
}

} // namespace clawdspace::api
