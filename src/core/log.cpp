#include <clawdspace/core/log.hpp>
#include <clawdspace/core/poller.hpp>

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace clawdspace {

namespace {

constexpr std::size_t queue_limit = std::size_t{1} << 20;
constexpr std::size_t safe_write =
    4096; // PIPE_BUF: a pipe that polls writable takes this much without blocking

// Writes to a descriptor that may be shared, slow or stopped (a terminal after Ctrl-S) without blocking on
// it: what it does not take at once is queued, up to a bound, and goes out when it polls writable.
class patient_sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit patient_sink(int fd) : fd_(fd) {
    struct stat about{};
    always_ready_ = ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
  }

  void attach(const asio::any_io_executor& executor) { poller_.emplace(executor); }

  void detach(std::chrono::milliseconds patience) {
    const auto until = std::chrono::steady_clock::now() + patience;
    watch_.reset();
    poller_.reset();
    while (!queue_.empty() && !broken_) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
      if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0) break;
      write_some();
    }
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    if (queue_.size() + line.size() > queue_limit) {
      ++dropped_;
      return;
    }
    queue_.append(line.data(), line.size());
    flush_();
  }

  void flush_() override {
    if (watch_) return; // the poller goes on when there is room
    while (!queue_.empty() && !broken_ && writable()) write_some();
    if (broken_) queue_.clear();
    if (queue_.empty() && dropped_ > 0) tell_dropped();
    if (!queue_.empty() && poller_ && !watch_)
      watch_ = poller_->add(fd_, EPOLLOUT, [this] {
        watch_.reset();
        flush_();
      });
  }

 private:
  [[nodiscard]] bool writable() const {
    if (always_ready_) return true;
    pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
    return ::poll(&ready, 1, 0) == 1;
  }

  void write_some() {
    const auto limit = always_ready_ ? queue_.size() : std::min(queue_.size(), safe_write);
    const auto n = ::write(fd_, queue_.data(), limit);
    if (n > 0)
      queue_.erase(0, static_cast<std::size_t>(n));
    else if (n < 0 && errno != EINTR && errno != EAGAIN)
      broken_ = true; // nobody is left to tell
  }

  void tell_dropped() {
    const auto lost = std::exchange(dropped_, 0);
    log_warning("the log's reader was too slow: lines were dropped", {field("lines", lost)});
  }

  int fd_;
  bool always_ready_ = false;
  bool broken_ = false;
  std::uint64_t dropped_ = 0;
  std::string queue_;
  std::optional<poller> poller_;
  std::unique_ptr<poller::watch> watch_;
};

struct process_log {
  std::shared_ptr<patient_sink> sink;
  std::shared_ptr<spdlog::logger> logger;
  bool json = false;

  process_log(int fd, bool as_json, spdlog::level::level_enum level)
      : sink(std::make_shared<patient_sink>(fd)),
        logger(std::make_shared<spdlog::logger>("clawdspace", sink)), json(as_json) {
    logger->set_level(level);
    if (json)
      logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})",
                          spdlog::pattern_time_type::utc);
    else
      logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %-7l %v");
  }
};

process_log& current() {
  static process_log log(STDERR_FILENO, false, spdlog::level::info);
  return log;
}

void append_json(std::string& to, std::string_view text) {
  to += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\')
      (to += '\\') += c;
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      fmt::format_to(std::back_inserter(to), "\\u{:04x}", static_cast<unsigned char>(c));
    else
      to += c;
  }
  to += '"';
}

// A value from outside must not be able to forge a line, a field or a terminal's escape sequence.
bool is_plain(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return c > 0x20 && c != 0x7f && c != '"' && c != '\\' && c != '=';
  });
}

void write(spdlog::level::level_enum level, std::string_view message,
           std::initializer_list<log_field> fields) {
  auto& log = current();
  if (!log.logger->should_log(level)) return;
  std::string line;
  if (log.json) {
    line += R"("message":)";
    append_json(line, message);
  } else {
    line += message;
  }
  for (const auto& f : fields) {
    if (log.json) {
      fmt::format_to(std::back_inserter(line), ",\"{}\":", f.name);
      if (f.number)
        line += f.value;
      else
        append_json(line, f.value);
    } else {
      fmt::format_to(std::back_inserter(line), " {}=", f.name);
      if (is_plain(f.value))
        line += f.value;
      else
        append_json(line, f.value);
    }
  }
  log.logger->log(level, spdlog::string_view_t(line.data(), line.size()));
}

} // namespace

void start_log(const asio::any_io_executor& executor, int fd, log_format format,
               spdlog::level::level_enum level) {
  current() = process_log(fd, format == log_format::json, level);
  current().sink->attach(executor);
}

void stop_log() { current().sink->detach(std::chrono::milliseconds(200)); }

void log_info(std::string_view message, std::initializer_list<log_field> fields) {
  write(spdlog::level::info, message, fields);
}
void log_warning(std::string_view message, std::initializer_list<log_field> fields) {
  write(spdlog::level::warn, message, fields);
}
void log_error(std::string_view message, std::initializer_list<log_field> fields) {
  write(spdlog::level::err, message, fields);
}
void log_debug(std::string_view message, std::initializer_list<log_field> fields) {
  write(spdlog::level::debug, message, fields);
}

std::string describe(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an exception of an unknown kind";
  }
}

} // namespace clawdspace
