#pragma once

#include <clawdspace/core/result.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace clawdspace::http {

/// The parameters of a query string, decoded, in order; `+` is a space.
class query {
 public:
  /// Fails with errc::malformed_request where an escape is malformed.
  static result<query> parse(std::string_view encoded);

  /// The first value of that name.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  /// Every value of that name, in order.
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;

  [[nodiscard]] auto begin() const noexcept { return pairs_.begin(); }
  [[nodiscard]] auto end() const noexcept { return pairs_.end(); }
  [[nodiscard]] bool empty() const noexcept { return pairs_.empty(); }

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

} // namespace clawdspace::http
