#pragma once

#include <clawdspace/core/task.hpp>
#include <clawdspace/http/exchange.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace clawdspace::http {

using handler = std::function<task<>(exchange&)>;

/// Finds who answers: patterns of segments, `/api/spaces/{name}/exec`; a literal segment wins over a
/// parameter. HEAD goes where GET goes. A parameter matches one non-empty segment and is percent-decoded
/// once, after the split, so an encoded slash stays inside it. A path with a malformed escape matches
/// nothing. A last segment `{name*}` takes the rest of the path, which may be empty, exactly as it was sent:
/// whoever routes further decides what an escape in it means.
class router {
 public:
  struct match {
    const handler* target = nullptr; ///< null: no such route, or not that method
    std::string_view pattern;        ///< of the route, for the log and for who may pass without a key
    std::vector<std::pair<std::string, std::string>> parameters;
    std::string allow; ///< where the path exists but not the method: the value of `Allow`
  };

  void add(std::string_view method, std::string_view pattern, handler target);
  [[nodiscard]] match find(std::string_view method, std::string_view path) const;

 private:
  struct route {
    std::string pattern;
    std::vector<std::string> segments;
    std::vector<std::pair<std::string, handler>> methods;
  };
  std::vector<route> routes_;
};

} // namespace clawdspace::http
