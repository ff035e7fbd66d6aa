#pragma once

#include <clawdspace/core/error.hpp>

#include <string>

namespace clawdspace::engine {

/// What the Engine answered instead of what was asked: its status and its own words.
class engine_error : public clawdspace::error {
 public:
  engine_error(int status, const std::string& words, const std::string& what)
      : error(errc::engine_failed, what), status_(status), words_(words) {}

  [[nodiscard]] int status() const noexcept { return status_; }
  /// The Engine's `message`.
  [[nodiscard]] const std::string& words() const noexcept { return words_; }

 private:
  int status_;
  std::string words_;
};

} // namespace clawdspace::engine
