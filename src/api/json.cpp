#include <clawdspace/api/json.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace clawdspace::api {

namespace json = boost::json;

result<json::value> parse_json(std::string_view text) {
  json::stream_parser parser;
  json::error_code ec;
  const auto taken = parser.write_some(text, ec);
  if (!ec && taken == text.size()) parser.finish(ec);
  if (ec)
    return failure(errc::invalid_json,
                   fmt::format("the body is not JSON: {} at byte {}", ec.message(), taken));
  if (taken != text.size())
    return failure(errc::invalid_json,
                   fmt::format("the body is not one JSON value: extra data at byte {}", taken));
  return parser.release();
}

namespace {

void append(std::string& to, const json::value& value) {
  char separator = 0;
  const auto separate = [&] {
    if (separator != 0) to += separator;
    separator = ',';
  };
  if (const auto* object = value.if_object()) {
    to += '{';
    for (const auto& [name, field] : *object) {
      separate();
      to += json::serialize(name);
      to += ':';
      append(to, field);
    }
    to += '}';
  } else if (const auto* array = value.if_array()) {
    to += '[';
    for (const auto& element : *array) {
      separate();
      append(to, element);
    }
    to += ']';
  } else if (const auto* number = value.if_double()) {
    fmt::format_to(std::back_inserter(to), "{}", *number);
  } else {
    to += json::serialize(value);
  }
}

} // namespace

std::string to_text(const json::value& value) {
  std::string text;
  append(text, value);
  return text;
}

void refuse(std::string_view name, std::string_view what) {
  throw error(errc::invalid_field, fmt::format("{}: {}", name, what));
}

fields_of::fields_of(const json::value& value, std::initializer_list<std::string_view> known)
    : object_(value.if_object()) {
  if (object_ == nullptr) throw error(errc::invalid_json, "the body must be a JSON object");
  for (const auto& [name, ignored] : *object_)
    if (std::ranges::find(known, std::string_view(name)) == known.end())
      throw error(errc::unknown_field, fmt::format("there is no field \"{}\" here; there are: {}",
                                                   std::string_view(name), fmt::join(known, ", ")));
}

const json::value* fields_of::find(std::string_view name) const {
  const auto* found = object_->if_contains(name);
  return found != nullptr && !found->is_null() ? found : nullptr;
}

bool fields_of::has(std::string_view name) const { return find(name) != nullptr; }

bool fields_of::is_null(std::string_view name) const {
  const auto* found = object_->if_contains(name);
  return found != nullptr && found->is_null();
}

const json::value& fields_of::value(std::string_view name) const { return object_->at(name); }

std::optional<std::string> fields_of::text(std::string_view name) const {
  const auto* found = find(name);
  if (found == nullptr) return std::nullopt;
  if (!found->is_string()) refuse(name, "must be a string");
  return std::string(found->get_string());
}

std::optional<bool> fields_of::boolean(std::string_view name) const {
  const auto* found = find(name);
  if (found == nullptr) return std::nullopt;
  if (!found->is_bool()) refuse(name, "must be true or false");
  return found->get_bool();
}

std::optional<std::int64_t> fields_of::integer(std::string_view name, std::int64_t least,
                                               std::int64_t most) const {
  const auto* found = find(name);
  if (found == nullptr) return std::nullopt;
  if (!found->is_int64() || found->get_int64() < least || found->get_int64() > most)
    refuse(name, fmt::format("must be a whole number from {} to {}", least, most));
  return found->get_int64();
}

std::optional<std::chrono::milliseconds> fields_of::duration(std::string_view name,
                                                             std::int64_t least) const {
  constexpr std::int64_t hundred_years = 100LL * 366 * 24 * 3600 * 1000;
  const auto ms = integer(name, least, hundred_years);
  return ms ? std::optional(std::chrono::milliseconds(*ms)) : std::nullopt;
}

namespace {

// The length that a leading byte announces (RFC 3629), 0 where it cannot lead.
std::size_t announced(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

// Whether a second byte may follow its lead: no overlong forms, no surrogates, nothing past U+10FFFF.
bool may_follow(unsigned char lead, unsigned char second) {
  switch (lead) {
  case 0xe0:
    return second >= 0xa0 && second < 0xc0;
  case 0xed:
    return second >= 0x80 && second < 0xa0;
  case 0xf0:
    return second >= 0x90 && second < 0xc0;
  case 0xf4:
    return second >= 0x80 && second < 0x90;
  default:
    return second >= 0x80 && second < 0xc0;
  }
}

unsigned char byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

bool continues(std::string_view text, std::size_t at, std::size_t size) {
  for (std::size_t i = 1; i < size; ++i) {
    const auto c = byte_at(text, at + i);
    if (i == 1 ? !may_follow(byte_at(text, at), c) : (c & 0xc0) != 0x80) return false;
  }
  return true;
}

} // namespace

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    const auto size = announced(byte_at(text, at));
    if (size == 0 || at + size > text.size() || !continues(text, at, size)) return false;
    at += size;
  }
  return true;
}

std::size_t incomplete_tail(std::string_view text) noexcept {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto at = text.size() - back;
    const auto c = byte_at(text, at);
    if ((c & 0xc0) == 0x80) continue;
    return announced(c) > back && continues(text, at, back) ? back : 0;
  }
  return 0;
}

namespace {}

} // namespace clawdspace::api
