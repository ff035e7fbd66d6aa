#include "engine_command.hpp"

#include <clawdspace/core/log.hpp>
#include <clawdspace/door/init_report.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace clawdspace::spaces {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t ahead = std::size_t{256} << 10;
constexpr std::size_t tail = std::size_t{4} << 20;
constexpr std::size_t chunk_size = std::size_t{256} << 10;
constexpr auto kill_patience = 20s; // into a space that a fork bomb fills the Engine needs up to 11
constexpr auto kill_rest = 100ms;
constexpr auto longest_silence = 15s; // then the Engine is asked whether the process still runs
constexpr auto last_patience = 3s;    // from a process's end to its stream's: the Engine's own bound is 2

std::string first_line(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return std::string(text.substr(0, std::min(text.find_first_of("\r\n"), text.size())));
}

// runc's words where fork fails with EAGAIN, or a thread of its own init cannot be made and it dies of that.
bool tells_of_process_limit(std::string_view words) {
  return words.find("esource temporarily unavailable") != std::string_view::npos ||
         words.find("read init-p: connection reset by peer") != std::string_view::npos;
}

} // namespace

engine_command::engine_command(engine_backend& backend, space_ptr where, command_spec what, std::string exec,
                               std::string token, std::unique_ptr<engine::exec_stream> stream)
    : backend_(backend), space_(std::move(where)), spec_(std::move(what)), exec_(std::move(exec)),
      stream_(std::move(stream)),
      scanner_(
          std::move(token),
          [this](std::span<const std::byte> data) { append(spec_.tty ? channel::out : channel::err, data); },
          [this](std::string_view body) { take_report(body); }),
      changed_(backend.executor_), reader_(backend.executor_) {
  backend_.on_die_.emplace(exec_, [this] {
    died_ = true;
    changed_.bump();
  });
  reader_.start(read_stream());
}

engine_command::~engine_command() { backend_.on_die_.erase(exec_); }

std::size_t engine_command::limit() const { return process_ended() || !started_ ? tail : ahead; }

task<> engine_command::read_stream() {
  try {
    for (;;) {
      const auto piece = co_await stream_->read();
      if (piece.data.empty()) break;
      take(piece);
      changed_.bump();
      while (queued_ >= limit()) co_await changed_.wait_past(changed_.value());
      if (after_end_ > tail) break;
    }
  } catch (const error& e) {
    stream_failure_ = e.what();
  }
  scanner_.finish();
  ended_ = true;
  changed_.bump();
}

void engine_command::take(const engine::exec_stream::piece& piece) {
  const bool reports = spec_.tty || piece.from == engine::exec_stream::channel::stderr_;
  if (end_) after_end_ += piece.data.size();
  if (reports)
    scanner_.feed(piece.data);
  else
    append(channel::out, piece.data);
}

void engine_command::append(channel from, std::span<const std::byte> data) {
  queued_ += data.size();
  while (!data.empty()) {
    if (queue_.empty() || queue_.back().from != from || queue_.back().data.size() >= chunk_size) {
      queue_.push_back({from, std::exchange(spare_, {})});
      queue_.back().data.clear();
    }
    auto& into = queue_.back().data;
    const auto n = std::min(data.size(), chunk_size - into.size());
    into.insert(into.end(), data.begin(), data.begin() + static_cast<std::ptrdiff_t>(n));
    data = data.subspan(n);
  }
}

void engine_command::take_report(std::string_view body) {
  auto report = read_report(body);
  if (!report) {
    log_warning("a report of init's was not understood",
                {field("space", space_->self.name), field("report", body)});
    return;
  }
  started_ = true;
  if (report->end) end_ = std::move(report->end);
}

task<bool> engine_command::started() {
  while (!started_ && !ended_) co_await changed_.wait_past(changed_.value());
  co_return started_ && (!end_ || end_->failure_code.empty());
}

task<output_piece> engine_command::read(bool) {
  for (;;) {
    if (started_ && !queue_.empty()) { // before that it may be the Engine's own words
      const auto from = queue_.front().from;
      spare_ = std::exchange(current_, std::move(queue_.front().data));
      queue_.pop_front();
      queued_ -= current_.size();
      changed_.bump();
      co_return output_piece{from, current_};
    }
    if (ended_) co_return output_piece{};
    const auto seen = changed_.value();
    if (!end_) {
      co_await wait_for_news(seen);
      continue;
    }
    // The process has ended. Its last bytes are on their way; a child in the background may hold the outputs
    // for ever.
    asio::steady_timer quiet{backend_.executor_, backend_.operations_.rules().drain};
    co_await first_of(quiet.async_wait(asio::use_awaitable), changed_.wait_past(seen));
    if (changed_.value() == seen) let_go();
  }
}

// For output, or for the end; bounded by questions, since the Engine has been seen to keep the stream of an
// exec open that was over.
task<> engine_command::wait_for_news(std::uint64_t seen) {
  asio::steady_timer silence{backend_.executor_, died_ ? last_patience : longest_silence};
  co_await first_of(silence.async_wait(asio::use_awaitable), changed_.wait_past(seen));
  if (changed_.value() != seen) co_return;
  if (died_) {
    let_go();
    co_return;
  }
  try {
    const auto now = co_await backend_.docker_.inspect_exec(exec_);
    died_ = !now.running && now.exit_code;
  } catch (const error& e) {
    log_debug("a silent command could not be asked about",
              {field("exec", spec_.id), field("reason", e.what())});
  }
}

void engine_command::let_go() {
  ended_ = true;
  changed_.bump();
}

task<> engine_command::write_input(std::span<const std::byte> data) {
  if (input_closed_ || process_ended() || ended_) co_return;
  co_await stream_->write(data);
}

task<> engine_command::close_input() {
  if (std::exchange(input_closed_, true)) co_return;
  if (spec_.tty) {
    // A half-close would end a terminal's output as well: end-of-file is a character there.
    static constexpr std::byte end_of_transmission{4};
    co_await stream_->write(std::span(&end_of_transmission, 1));
  } else {
    stream_->close_input();
  }
}

bool engine_command::input_open() const {
  return spec_.input && !input_closed_ && !process_ended() && !ended_;
}

task<> engine_command::signal(int, bool) {
  throw error(errc::not_supported, without_the_door("send a signal to a command"));
  co_return;
}

task<> engine_command::resize(int rows, int columns) {
  co_await backend_.docker_.resize_exec(exec_, rows, columns);
}

task<> engine_command::hang_up() {
  throw error(errc::not_supported, without_the_door("hang up a terminal"));
  co_return;
}

task<process_end> engine_command::end() {
  if (!end_) end_ = co_await ask_engine();
  co_return *end_;
}

// The stream is over without a word from init: it was killed with its space, or never began.
task<process_end> engine_command::ask_engine() {
  process_end unknown;
  try {
    const auto seen = co_await backend_.docker_.inspect_exec(exec_);
    if (!started_ && seen.exit_code && !queue_.empty()) {
      unknown.reason = first_line(queue_.front().data);
      if (tells_of_process_limit(unknown.reason)) unknown.failure_code = "process_limit";
      co_return unknown;
    }
    unknown.reason = seen.exit_code
                         ? fmt::format("what watched over it was killed (exit code {})", *seen.exit_code)
                         : "the Engine does not know how it ended";
  } catch (const error& e) {
    unknown.reason = stream_failure_.empty() ? e.what() : stream_failure_;
  }
  co_return unknown;
}

task<bool> engine_command::end_tree() {
  const auto until = std::chrono::steady_clock::now() + kill_patience;
  for (;;) {
    std::string reason = "nothing in the space answered for the whole tree";
    try {
      const auto left = until - std::chrono::steady_clock::now();
      if (co_await with_deadline(left, backend_.run_kill(space_, spec_.id))) co_return true;
    } catch (const error& e) {
      reason = e.what();
    } catch (const std::system_error& e) {
      if (!is_timeout(e)) throw;
      reason = "it was not done in time";
    }
    const bool told = ended_ || (end_ && end_->tree_gone);
    if (told || std::chrono::steady_clock::now() >= until) {
      const bool gone = end_ && end_->tree_gone;
      if (!gone)
        log_warning("a command's tree could not be ended for certain",
                    {field("space", space_->self.name), field("exec", spec_.id), field("reason", reason)});
      co_return gone;
    }
    // A kill may come before its command has got in, and into a full space the Engine does not always get:
    // once more.
    asio::steady_timer rest{backend_.executor_, kill_rest};
    co_await first_of(rest.async_wait(asio::use_awaitable), changed_.wait_past(changed_.value()));
  }
}

task<> engine_command::close() {
  ended_ = true;
  const bool finished = reader_.empty();
  reader_.cancel();
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await reader_.join();
  co_await asio::this_coro::throw_if_cancelled(true);
  // Closing the stream under a process that still writes would have the Engine forge its state: somebody
  // reads on.
  if (!finished) backend_.farewells_.start(backend_.drain(std::move(stream_)));
}

} // namespace clawdspace::spaces
