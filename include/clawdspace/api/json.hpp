#pragma once

#include <clawdspace/core/base64.hpp>
#include <clawdspace/core/result.hpp>

#include <boost/json.hpp>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace clawdspace::api {

/// Parses one JSON value. Fails with errc::invalid_json, telling the byte offset.
result<boost::json::value> parse_json(std::string_view text);

/// As text. Numbers read as people write them (`2`, `0.5`), where Boost.JSON writes `2E0`.
std::string to_text(const boost::json::value& value);

/// Reads the fields of an object that a client sent: unknown ones and wrong types are refused by name.
class fields_of {
 public:
  /// Throws errc::invalid_json where it is not an object, errc::unknown_field for a field that is not among
  /// `known`.
  fields_of(const boost::json::value& value, std::initializer_list<std::string_view> known);

  /// Null counts as absent, but for `is_null`.
  [[nodiscard]] bool has(std::string_view name) const;
  [[nodiscard]] bool is_null(std::string_view name) const;
  [[nodiscard]] const boost::json::value& value(std::string_view name) const;

  // Each throws errc::invalid_field naming the field and what it should be.
  [[nodiscard]] std::optional<std::string> text(std::string_view name) const;
  [[nodiscard]] std::optional<bool> boolean(std::string_view name) const;
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view name, std::int64_t least,
                                                    std::int64_t most) const;
  [[nodiscard]] std::optional<std::chrono::milliseconds> duration(std::string_view name,
                                                                  std::int64_t least = 0) const;

 private:
  [[nodiscard]] const boost::json::value* find(std::string_view name) const;
  const boost::json::object* object_;
};

/// Throws errc::invalid_field: `name: what`.
[[noreturn]] void refuse(std::string_view name, std::string_view what);

/// Whether bytes are whole, valid UTF-8 (RFC 3629).
bool is_utf8(std::string_view text) noexcept;
/// How many bytes at the end are the beginning of a character that may yet be completed: 0 to 3.
std::size_t incomplete_tail(std::string_view text) noexcept;

using clawdspace::from_base64;
using clawdspace::to_base64;

} // namespace clawdspace::api
