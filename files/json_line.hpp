#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace clawdspace::files {

/// One JSON object on one line.
class json_line {
 public:
  /// A text, and where its bytes are not UTF-8, beside it `NAMEEncoded` (protocol.hpp).
  json_line& text(std::string_view name, std::string_view bytes);
  /// A text alone: what is not UTF-8 in it is replaced.
  json_line& words(std::string_view name, std::string_view bytes);
  json_line& number(std::string_view name, std::int64_t value);
  json_line& flag(std::string_view name, bool value);
  json_line& list(std::string_view name, const std::vector<std::string>& texts);
  /// Fields as they are.
  json_line& raw(std::string_view fields);

  [[nodiscard]] std::string fields() const { return out_; }
  /// With braces and the line's end.
  [[nodiscard]] std::string line() const { return "{" + out_ + "}\n"; }

 private:
  void begin(std::string_view name);
  void quote(std::string_view bytes);

  std::string out_;
};

} // namespace clawdspace::files
