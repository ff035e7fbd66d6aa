#pragma once

#include <clawdspace/space/outcome.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace clawdspace::spaces {

/// Takes init's reports (door/init_report.hpp) out of a command's bytes, however they are cut. Without I/O.
class report_scanner {
 public:
  /// What is not a report goes to `pass`; `report` gets each body.
  report_scanner(std::string token, std::function<void(std::span<const std::byte>)> pass,
                 std::function<void(std::string_view)> report);

  void feed(std::span<const std::byte> bytes);
  /// The stream is over: what looked like the beginning of a report was the command's own.
  void finish();

 private:
  void step(std::string_view text);
  void scan_held();

  std::string start_; ///< edge, token, colon
  std::string held_;  ///< the beginning of what may be a report
  std::function<void(std::span<const std::byte>)> pass_;
  std::function<void(std::string_view)> report_;
};

/// A report's body, read.
struct init_report {
  bool started = false;
  std::optional<process_end> end; ///< `failed` or `ended`
};
/// Nothing where the body is not one of the protocol's.
std::optional<init_report> read_report(std::string_view body);

} // namespace clawdspace::spaces
