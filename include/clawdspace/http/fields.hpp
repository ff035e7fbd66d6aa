#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clawdspace::http {

/// One header or trailer line (RFC 9110 section 5), the name as it was spelled.
struct field {
  std::string name;
  std::string value;
};

/// Header or trailer lines in order; names compare without case.
class fields {
 public:
  fields() = default;
  fields(std::initializer_list<field> lines) : lines_(lines) {}

  /// The first value of that name.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  [[nodiscard]] bool contains(std::string_view name) const { return find(name).has_value(); }
  [[nodiscard]] std::size_t count(std::string_view name) const;
  /// Whether a comma-separated list of that name has the token, without case (`Connection: close`).
  [[nodiscard]] bool has_token(std::string_view name, std::string_view token) const;

  void add(std::string name, std::string value) { lines_.push_back({std::move(name), std::move(value)}); }
  /// Replaces every line of that name by this one.
  void set(std::string_view name, std::string value);

  [[nodiscard]] std::size_t size() const noexcept { return lines_.size(); }
  [[nodiscard]] bool empty() const noexcept { return lines_.empty(); }
  [[nodiscard]] auto begin() const noexcept { return lines_.begin(); }
  [[nodiscard]] auto end() const noexcept { return lines_.end(); }

 private:
  std::vector<field> lines_;
};

/// ASCII without case, as field names and tokens compare.
bool iequals(std::string_view a, std::string_view b) noexcept;

/// Without optional whitespace around it (RFC 9110 section 5.6.3).
std::string_view trim(std::string_view text);

} // namespace clawdspace::http
