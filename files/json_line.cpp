#include "json_line.hpp"

#include "utf8.hpp"

namespace clawdspace::files {

void json_line::begin(std::string_view name) {
  if (!out_.empty()) out_ += ',';
  out_.append("\"").append(name).append("\":");
}

void json_line::quote(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  out_ += '"';
  while (!bytes.empty()) {
    const auto n = sequence_length(bytes);
    const auto c = static_cast<unsigned char>(bytes[0]);
    if (n == 0)
      out_ += "\uFFFD";
    else if (c == '"' || c == '\\')
      (out_ += '\\') += bytes[0];
    else if (c < 0x20)
      (out_ += "\\u00") += {digits[c >> 4U], digits[c & 15U]};
    else
      out_ += bytes.substr(0, n);
    bytes.remove_prefix(n == 0 ? 1 : n);
  }
  out_ += '"';
}

json_line& json_line::text(std::string_view name, std::string_view bytes) {
  words(name, bytes);
  return is_utf8(bytes) ? *this : words(std::string(name) + "Encoded", percent_encoded(bytes));
}

json_line& json_line::words(std::string_view name, std::string_view bytes) {
  begin(name);
  quote(bytes);
  return *this;
}

json_line& json_line::number(std::string_view name, std::int64_t value) {
  begin(name);
  out_ += std::to_string(value);
  return *this;
}

json_line& json_line::flag(std::string_view name, bool value) {
  begin(name);
  out_ += value ? "true" : "false";
  return *this;
}

json_line& json_line::list(std::string_view name, const std::vector<std::string>& texts) {
  begin(name);
  out_ += '[';
  for (const auto& text : texts) {
    if (&text != &texts.front()) out_ += ',';
    quote(text);
  }
  out_ += ']';
  return *this;
}

json_line& json_line::raw(std::string_view fields) {
  if (fields.empty()) return *this;
  if (!out_.empty()) out_ += ',';
  out_ += fields;
  return *this;
}

} // namespace clawdspace::files
