#pragma once

#include <clawdspace/core/task.hpp>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <string_view>

namespace clawdspace {

/// How lines look: `text` for a terminal, `json` (one object a line) for a collector.
enum class log_format { text, json };

/// One piece of a structured line. The value is written as it is in text, and escaped as a JSON string or
/// number.
struct log_field {
  std::string_view name;
  std::string value;
  bool number = false;
};

inline log_field field(std::string_view name, std::string_view value) {
  return {name, std::string(value), false};
}
template <class T>
  requires std::is_arithmetic_v<T>
log_field field(std::string_view name, T value) {
  return {name, fmt::format("{}", value), true};
}

/// Sets up the process's log: lines go to `fd` without ever blocking the loop (a reader that is slow costs
/// lines, which are counted and told, never time). Before this call lines go to stderr directly.
void start_log(const asio::any_io_executor& executor, int fd, log_format format,
               spdlog::level::level_enum level);

/// Writes what is queued, waiting for the reader for a bounded time; then back to writing directly.
void stop_log();

void log_info(std::string_view message, std::initializer_list<log_field> fields = {});
void log_warning(std::string_view message, std::initializer_list<log_field> fields = {});
void log_error(std::string_view message, std::initializer_list<log_field> fields = {});
void log_debug(std::string_view message, std::initializer_list<log_field> fields = {});

/// The sentence of an exception, for a log line.
std::string describe(const std::exception_ptr& failure);

} // namespace clawdspace
