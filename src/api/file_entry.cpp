#include <clawdspace/api/file_request.hpp>
#include <clawdspace/api/json.hpp>
#include <clawdspace/core/clock.hpp>

#include <array>

// What the files program tells: taken over field by field, since it comes out of a space.

namespace clawdspace::api {

namespace json = boost::json;

namespace {

constexpr std::int64_t clock_range_ms = 9'200'000'000'000; // around 1970; the clock counts nanoseconds

} // namespace

std::optional<std::int64_t> number_in(const json::object& told, std::string_view name) {
  const auto* value = told.if_contains(name);
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  return value->get_int64();
}

std::string text_in(const json::object& told, std::string_view name) {
  const auto* value = told.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

bool flag_in(const json::object& told, std::string_view name) {
  const auto* value = told.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

std::string etag_in(const json::object& told) {
  auto tag = text_in(told, "etag");
  const bool is_one = tag.size() > 2 && tag.size() < 80 && tag.front() == '"' && tag.back() == '"' &&
                      tag.find_first_not_of("0123456789abcdef-", 1) == tag.size() - 1;
  return is_one ? tag : std::string();
}

void put_text(json::object& into, std::string_view name, std::string_view bytes) {
  if (is_utf8(bytes)) {
    into[name] = bytes;
    return;
  }
  std::string shown;
  for (std::size_t at = 0; at < bytes.size();) {
    std::size_t size = 1;
    while (size < 4 && at + size < bytes.size() && !is_utf8(bytes.substr(at, size))) ++size;
    if (!is_utf8(bytes.substr(at, size))) {
      shown += "\xEF\xBF\xBD"; // U+FFFD
      size = 1;
    } else {
      shown += bytes.substr(at, size);
    }
    at += size;
  }
  into[name] = shown;
  into[std::string(name) + "Encoded"] = http::percent_encode(bytes);
}

json::object to_entry(const json::object& told) {
  json::object entry;
  const auto take_text = [&](std::string_view name) {
    if (const auto* value = told.if_contains(name); value != nullptr && value->is_string())
      entry[name] = value->get_string();
  };
  const auto take_number = [&](std::string_view name) {
    if (const auto value = number_in(told, name)) entry[name] = *value;
  };
  for (const auto* name : {"name", "nameEncoded", "type"}) take_text(name);
  take_number("size");
  take_text("mode");
  for (const auto* name : {"uid", "gid"}) take_number(name);
  // Whom the space's own lists do not know goes by number.
  constexpr std::array<std::array<const char*, 2>, 2> people{{{"owner", "uid"}, {"group", "gid"}}};
  for (const auto& [name, id] : people) {
    take_text(name);
    if (const auto number = number_in(told, id); number && !entry.contains(name))
      entry[name] = std::to_string(*number);
  }
  if (const auto ms = number_in(told, "mtimeMs")) {
    if (*ms > -clock_range_ms && *ms < clock_range_ms)
      entry["mtime"] = to_rfc3339(time_point(std::chrono::milliseconds(*ms)));
    entry["mtimeMs"] = *ms;
  }
  for (const auto* name : {"target", "targetEncoded"}) take_text(name);
  if (auto tag = etag_in(told); !tag.empty()) entry["etag"] = std::move(tag);
  return entry;
}

} // namespace clawdspace::api
