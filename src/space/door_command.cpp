#include "door_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <system_error>
#include <unistd.h>

namespace clawdspace::spaces {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t tail = std::size_t{4} << 20; // of what a child in the background still says
constexpr auto last_patience = 2s;                 // for the same
constexpr int wide_pipe = 1 << 20;
constexpr auto end_patience = 2s; // of who no longer waits for the output
constexpr std::byte end_of_transmission{4};

std::size_t ready_in(int fd) {
  int n = 0;
  return ::ioctl(fd, FIONREAD, &n) == 0 && n > 0 ? static_cast<std::size_t>(n) : 0;
}

} // namespace

door_command::door_command(door_backend& backend, std::shared_ptr<door::door> at,
                           std::shared_ptr<door::followed> told, command_spec what)
    : backend_(backend), door_(std::move(at)), told_(std::move(told)), spec_(std::move(what)),
      input_(backend.executor_), outputs_{door_stream(backend.executor_), door_stream(backend.executor_)} {}

door_command::~door_command() { door_->leave(told_->id); }

void door_command::set_input(unique_fd writing) { input_.open(std::move(writing), told_); }

void door_command::set_output(channel which, unique_fd reading) {
  outputs_[static_cast<std::size_t>(which)].open(std::move(reading), told_);
}

void door_command::set_terminal(unique_fd master) { outputs_[0].open(std::move(master), told_); }

// --- output ---

task<output_piece> door_command::read(bool in_pipe) {
  for (;;) {
    const auto seen = told_->changed.value();
    if (!over_since_ && is_over()) note_end();
    if (let_go_ || (over_since_ && has_had_enough())) break;
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const auto which = std::exchange(next_, 1 - next_);
      const auto piece = take(static_cast<channel>(which), in_pipe);
      if (!piece.is_end()) co_return count(piece);
    }
    if (over_since_ && !outputs_[0].is_open() && !outputs_[1].is_open()) break;
    if (over_since_ && told_->gone == true) { // nobody is left to write: what there is, is there now
      if (std::exchange(looked_last_, true)) break;
      for (auto& output : outputs_) output.look_again();
      continue;
    }
    give_back_buffer();
    for (auto& output : outputs_) output.watch_reading();
    if (!over_since_) {
      co_await told_->changed.wait_past(seen);
      continue;
    }
    // Its last bytes are on their way; a child in the background may hold the outputs for ever.
    const auto quiet = std::min(steady_clock::now() + backend_.rules_.drain, *over_since_ + last_patience);
    co_await told_->changed.wait_past(seen, quiet);
    if (told_->changed.value() == seen) break;
  }
  let_go();
  give_back_buffer();
  co_return output_piece{};
}

void door_command::note_end() {
  over_since_ = steady_clock::now();
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    outputs_[i].look_again();
    owed_[i] = outputs_[i].is_open() ? ready_in(outputs_[i].value()) : 0;
  }
}

bool door_command::has_had_enough() const {
  const bool paid = owed_[0] == 0 && owed_[1] == 0;
  return paid && (after_end_ > tail || steady_clock::now() > *over_since_ + last_patience);
}

output_piece door_command::count(output_piece piece) {
  if (!over_since_) return piece;
  auto& owed = owed_[static_cast<std::size_t>(piece.from)];
  const auto paid = std::min(owed, piece.size());
  owed -= paid;
  after_end_ += piece.size() - paid;
  return piece;
}

// What stands ready; an empty piece where nothing does.
output_piece door_command::take(channel from, bool in_pipe) {
  auto& output = outputs_[static_cast<std::size_t>(from)];
  if (!output.may_read()) return {};
  const auto widen = [&] {
    if (std::exchange(is_large_, true) || spec_.tty) return;
    for (const auto& each : outputs_)
      if (each.is_open()) ::fcntl(each.value(), F_SETPIPE_SZ, wide_pipe); // as it was, where that is too much
  };
  if (in_pipe) {
    if (const auto ready = ready_in(output.value()); ready > 0) {
      if (ready >= read_buffers::small) widen();
      give_back_buffer();
      return {.from = from, .data = {}, .pipe = output.value(), .ready = ready};
    }
  }
  if (buffer_.size() != buffer_size_) {
    give_back_buffer();
    buffer_ = backend_.buffers_.lend(buffer_size_);
  }
  ssize_t n = -1;
  do n = ::read(output.value(), buffer_.data(), buffer_.size());
  while (n < 0 && errno == EINTR);
  if (n > 0) {
    const auto size = static_cast<std::size_t>(n);
    if (size == buffer_.size()) {
      widen();
      buffer_size_ = read_buffers::large; // from the next on
    } else if (!spec_.tty) {
      output.set_empty(); // a pipe gives all that it has
      if (size < read_buffers::small) buffer_size_ = read_buffers::small;
    }
    return {.from = from, .data = std::span(buffer_).first(size)};
  }
  if (n < 0 && errno == EAGAIN)
    output.set_empty();
  else
    output.close(); // its end; a terminal's is EIO
  return {};
}

void door_command::give_back_buffer() {
  if (!buffer_.empty()) backend_.buffers_.give_back(std::exchange(buffer_, {}));
}

void door_command::let_go() {
  if (std::exchange(let_go_, true)) return;
  told_->changed.bump();
}

// --- input ---

task<> door_command::write_input(std::span<const std::byte> data) {
  auto& to = input();
  while (!data.empty()) {
    const auto seen = told_->changed.value();
    if (input_closed_ || !to.is_open() || is_over() || let_go_) co_return;
    const auto n = ::write(to.value(), data.data(), data.size());
    if (n > 0) {
      data = data.subspan(static_cast<std::size_t>(n));
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN) { // nobody reads any more
      input_closed_ = true;
      if (!spec_.tty) to.close();
      co_return;
    }
    to.watch_writing();
    co_await told_->changed.wait_past(seen);
  }
}

task<> door_command::close_input() {
  if (input_closed_) co_return;
  if (spec_.tty) { // end-of-file is a character there
    co_await write_input(std::span(&end_of_transmission, 1));
    input_closed_ = true;
    co_return;
  }
  input_closed_ = true;
  const bool kept = spec_.outlives && spec_.input && !is_over();
  input_.close();
  if (kept) co_await door_->close_input(told_);
}

bool door_command::input_open() const {
  const auto& to = spec_.tty ? outputs_[0] : input_;
  if (!spec_.input || input_closed_ || let_go_ || is_over() || !to.is_open()) return false;
  pollfd look{.fd = to.value(), .events = 0, .revents = 0};
  return ::poll(&look, 1, 0) == 0 || (look.revents & (POLLERR | POLLHUP)) == 0;
}

// --- what is asked of it ---

task<> door_command::signal(int number, bool tree) {
  if (is_over() && !tree) co_return;
  co_await door_->signal(told_->id, number, tree);
}

task<> door_command::resize(int rows, int columns) {
  spec_.rows = rows;
  spec_.columns = columns;
  if (is_over()) co_return;
  // Here and not by init, so that what is typed behind it finds the new size.
  const winsize size{.ws_row = static_cast<unsigned short>(rows),
                     .ws_col = static_cast<unsigned short>(columns),
                     .ws_xpixel = 0,
                     .ws_ypixel = 0};
  if (const auto& master = outputs_[0]; master.is_open() && ::ioctl(master.value(), TIOCSWINSZ, &size) == 0)
    co_return;
  co_await door_->resize(told_->id, rows, columns);
}

task<> door_command::hang_up() {
  input_closed_ = true;
  input_.close();
  if (!spec_.tty) co_return;
  outputs_[0].close();
  told_->changed.bump();
  if (!is_over()) co_await door_->hang_up(told_); // init has it open too, for its size
}

task<bool> door_command::end_tree() {
  if (!is_over()) asked_to_end_ = true;
  co_return (co_await door_->end(told_, kill_patience)) == true;
}

// --- its end ---

task<process_end> door_command::end() {
  const auto until = let_go_ && !over_since_ ? steady_clock::now() + end_patience : time::max();
  while (!is_over() && steady_clock::now() < until)
    co_await told_->changed.wait_past(told_->changed.value(), until);
  co_return describe_end();
}

process_end door_command::describe_end() const {
  process_end told;
  if (told_->failure) {
    told.failure_code = told_->failure->code;
    told.reason = told_->failure->words;
  } else if (told_->end) {
    const auto& how = *told_->end;
    told.oom_kills = how.oom_kills;
    told.tree_gone = asked_to_end_ && told_->gone == true;
    if (how.how == door::ending::way::exited)
      told.exit_code = how.number;
    else if (how.how == door::ending::way::signaled)
      told.signal = how.number;
    else
      told.reason = "what watched over it was killed";
  } else {
    told.reason = told_->lost.empty() ? "its end was not told in time" : told_->lost;
  }
  return told;
}

task<> door_command::close() {
  let_go();
  give_back_buffer();
  input_.close();
  for (auto& output : outputs_) output.close();
  door_->leave(told_->id);
  co_return;
}

} // namespace clawdspace::spaces
