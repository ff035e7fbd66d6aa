#pragma once

#include "text.hpp"

#include <string>
#include <string_view>

namespace clawdspace::test {

inline std::string str(init::text t) { return {t.data(), t.size()}; }
inline init::text view(std::string_view s) { return {s.data(), s.size()}; }

} // namespace clawdspace::test
