#include "file_place.hpp"
#include <clawdspace/core/log.hpp>
#include <clawdspace/files/protocol.hpp>
#include <clawdspace/space/file_job.hpp>

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace clawdspace::spaces {

namespace json = boost::json;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

constexpr int wide_pipe = 1 << 20;
constexpr std::size_t many = std::size_t{64} << 10; // what an ordinary pipe holds
constexpr auto end_patience = 2s;                   // from its outputs' end, or a SIGTERM, to its own
constexpr auto kill_patience = 20s;                 // for what does not heed that

short look_at(int fd, short events) {
  pollfd look{.fd = fd, .events = events, .revents = 0};
  return ::poll(&look, 1, 0) > 0 ? look.revents : short{0};
}

std::string text_in(const json::object& line, std::string_view name) {
  const auto* value = line.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

/// Appends what is there; false at the end.
bool read_now(int fd, std::string& into) {
  std::array<char, 16384> piece;
  const auto n = ::read(fd, piece.data(), piece.size());
  if (n > 0) into.append(piece.data(), static_cast<std::size_t>(n));
  return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

} // namespace

file_job::file_job(std::unique_ptr<place> at) : at_(std::move(at)) {}

file_job::~file_job() {
  auto& owner = at_->owner;
  owner.farewells_.start(see_off(std::move(at_), !over_));
}

const space_ptr& file_job::where() const { return at_->where; }
void file_job::is_over() { over_ = true; }

// Its end is waited for, since init tells of it; and what is to be ended is asked first, so that it removes
// what it has half made. A frozen process hears neither: its space is thawed for that, and frozen again.
task<> file_job::see_off(std::unique_ptr<place> at, bool to_end) {
  auto& told = *at->told;
  bool was_asleep = false;
  try {
    if (to_end && !at->is_over()) {
      was_asleep = at->where->state == space_state::paused;
      if (was_asleep) at->held = co_await at->owner.operations_.wake(at->where);
      co_await at->door->signal(told.id, SIGTERM, false);
      at->out.close(); // or it waits for a reader
      at->err.close();
    }
    const auto until = steady_clock::now() + end_patience;
    while (!at->is_over() && steady_clock::now() < until)
      co_await told.changed.wait_past(told.changed.value(), until);
    if (!at->is_over()) co_await at->door->end(at->told, kill_patience);
    if (told.end) at->door->forget(told.id);
  } catch (const error& e) { // its space left, or its door is shut: then init ends it
    log_debug("the end of a file's transfer was not seen",
              {field("space", at->where->self.name), field("reason", e.what())});
  }
  if (!was_asleep) co_return;
  at->held = {};
  try {
    co_await at->owner.operations_.put_to_sleep(at->where, sleep_depth::paused);
  } catch (const error& e) {
    log_warning("a space could not be frozen again",
                {field("space", at->where->self.name), field("reason", e.what())});
  }
}

// --- what it says ---

task<json::object> file_job::said() {
  auto& told = *at_->told;
  for (;;) {
    const auto seen = told.changed.value();
    if (const auto end = heard_.find('\n'); end != heard_.npos) {
      auto line = take_line(std::string_view(heard_).substr(0, end));
      heard_.erase(0, end + 1);
      co_return line;
    }
    if (heard_.size() >= clawdspace::files::line_limit)
      throw error(errc::space_failed, "the program for files says more than it may");
    const bool goes_on = at_->err.is_open() && read_now(at_->err.value(), heard_);
    if (heard_.find('\n') != heard_.npos) continue;
    if (!goes_on) break;
    must_be_known();
    if (look_at(at_->err.value(), POLLIN) != 0) continue;
    at_->err.watch_reading();
    co_await told.changed.wait_past(seen);
  }
  const auto until = steady_clock::now() + end_patience;
  while (!at_->is_over() && steady_clock::now() < until)
    co_await told.changed.wait_past(told.changed.value(), until);
  fail_without_word();
}

json::object file_job::take_line(std::string_view line) const {
  json::error_code ec;
  auto value = json::parse(line, ec);
  const auto* ok = !ec && value.is_object() ? value.get_object().if_contains("ok") : nullptr;
  if (ok == nullptr || !ok->is_bool())
    throw error(errc::space_failed,
                fmt::format("what the program for files says is not understood: {}", line.substr(0, 200)));
  auto& said = value.get_object();
  if (ok->get_bool()) return std::move(said);
  file_error refused(text_in(said, "code"), text_in(said, "error"));
  refused.etag = text_in(said, "etag");
  if (const auto* size = said.if_contains("size");
      size != nullptr && size->is_int64() && size->get_int64() >= 0)
    refused.size = static_cast<std::uint64_t>(size->get_int64());
  throw refused;
}

void file_job::must_be_known() const {
  if (at_->where->gone) throw error(errc::conflict, "the space was destroyed meanwhile");
  if (!at_->told->lost.empty())
    throw error(errc::conflict, fmt::format("a file was under way when {}", at_->told->lost));
}

void file_job::fail_without_word() const {
  must_be_known();
  const auto& end = at_->told->end;
  if (at_->where->state == space_state::destroying || at_->where->state == space_state::stopped)
    throw error(errc::conflict, "the space was stopped meanwhile");
  if (end && end->oom_kills.value_or(0) > 0)
    throw error(errc::space_failed, "the space's memory was out, and the program for files killed");
  throw error(errc::space_failed, "the program for files was killed, or could not begin");
}

// --- its payload ---

int file_job::output() const { return at_->out.value(); }

task<std::size_t> file_job::ready() {
  auto& told = *at_->told;
  auto& out = at_->out;
  for (;;) {
    const auto seen = told.changed.value();
    int n = 0;
    if (::ioctl(out.value(), FIONREAD, &n) == 0 && n > 0) {
      if (static_cast<std::size_t>(n) >= many && !std::exchange(at_->is_wide, true))
        ::fcntl(out.value(), F_SETPIPE_SZ, wide_pipe); // as it was, where that is too much
      co_return static_cast<std::size_t>(n);
    }
    const auto state = look_at(out.value(), POLLIN);
    if ((state & POLLIN) != 0) continue;
    if ((state & (POLLHUP | POLLERR)) != 0) co_return 0;
    must_be_known();
    out.watch_reading();
    co_await told.changed.wait_past(seen);
  }
}

task<bool> file_job::read_line(std::string& into) {
  for (;;) {
    if (const auto end = text_.find('\n', text_at_); end != text_.npos) {
      into.assign(text_, text_at_, end - text_at_);
      text_at_ = end + 1;
      co_return true;
    }
    text_.erase(0, text_at_);
    text_at_ = 0;
    if (text_.size() >= clawdspace::files::line_limit)
      throw error(errc::space_failed, "the program for files wrote a line that is too long");
    if (co_await ready() == 0) co_return false;
    read_now(at_->out.value(), text_);
  }
}

int file_job::input() const { return at_->in.is_open() ? at_->in.value() : -1; }

task<> file_job::wait_for_room() {
  auto& told = *at_->told;
  if (!std::exchange(at_->is_wide, true)) ::fcntl(input(), F_SETPIPE_SZ, wide_pipe);
  for (;;) {
    const auto seen = told.changed.value();
    if (look_at(input(), POLLOUT) != 0) co_return;
    must_be_known();
    at_->in.watch_writing();
    co_await told.changed.wait_past(seen);
  }
}

task<> file_job::write(std::string_view data) {
  while (!data.empty() && !at_->is_over()) {
    const auto n = ::write(input(), data.data(), data.size());
    if (n > 0)
      data.remove_prefix(static_cast<std::size_t>(n));
    else if (n < 0 && errno == EAGAIN)
      co_await wait_for_room();
    else if (n < 0 && errno != EINTR)
      co_return;
  }
}

void file_job::close_input() { at_->in.close(); }

} // namespace clawdspace::spaces
