#include <clawdspace/http/fields.hpp>

#include <algorithm>

namespace clawdspace::http {

namespace {

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

} // namespace

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool iequals(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::string_view> fields::find(std::string_view name) const {
  for (const auto& line : lines_)
    if (iequals(line.name, name)) return line.value;
  return std::nullopt;
}

std::size_t fields::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::count_if(lines_.begin(), lines_.end(), [&](const field& f) { return iequals(f.name, name); }));
}

bool fields::has_token(std::string_view name, std::string_view token) const {
  for (const auto& line : lines_) {
    if (!iequals(line.name, name)) continue;
    std::string_view rest = line.value;
    for (;;) {
      const auto comma = rest.find(',');
      if (iequals(trim(rest.substr(0, comma)), token)) return true;
      if (comma == rest.npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return false;
}

void fields::set(std::string_view name, std::string value) {
  std::erase_if(lines_, [&](const field& f) { return iequals(f.name, name); });
  add(std::string(name), std::move(value));
}

} // namespace clawdspace::http
