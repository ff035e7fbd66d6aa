#pragma once

#include <clawdspace/core/error.hpp>

#include <optional>
#include <string>

namespace clawdspace::test {

/// The error that `action` throws; nothing where it throws none. Anything else goes on.
template <class Action> std::optional<error> refusal(Action action) {
  try {
    action();
  } catch (const error& e) {
    return e;
  }
  return std::nullopt;
}

/// Its words; empty where nothing is thrown.
template <class Action> std::string words_of_refusal(Action action) {
  const auto e = refusal(action);
  return e ? e->what() : std::string();
}

} // namespace clawdspace::test
