#include "doorkeeper.hpp"

#include "options.hpp"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace clawdspace::init {
namespace {

char incoming[door::frame_limit];

/// Random, and the same for as long as this process lives.
text life() {
  constexpr size_t size = 16;
  static char digits[2 * size];
  if (digits[0] != '\0') return {digits, sizeof digits};
  unsigned char bytes[size];
  if (getrandom(bytes, size, 0) != static_cast<ssize_t>(size)) {
    const uint64_t now = now_ms(); // a kernel without: it still differs from the life before
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<unsigned char>(now >> (i % 8 * 8));
  }
  for (size_t i = 0; i < sizeof digits; ++i)
    digits[i] = "0123456789abcdef"[i % 2 == 0 ? bytes[i / 2] >> 4 : bytes[i / 2] & 15];
  return {digits, sizeof digits};
}

/// What reads as empty for ever: /dev/null, unless the image has something else there.
int open_nothing() {
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  struct stat about;
  if (fd >= 0 && fstat(fd, &about) == 0 && S_ISCHR(about.st_mode) && about.st_rdev == makedev(1, 3))
    return fd;
  if (fd >= 0) close(fd);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  close(ends[1]);
  return ends[0];
}

} // namespace

void doorkeeper::open() {
  nothing_ = open_nothing();
  while (nothing_ >= 0 && nothing_ <= news_fd) nothing_ = fcntl(nothing_, F_DUPFD_CLOEXEC, news_fd + 1);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) == 0) {
    news_ = fcntl(ends[0], F_DUPFD_CLOEXEC, news_fd + 1);
    const int write_end = fcntl(ends[1], F_DUPFD_CLOEXEC, news_fd + 1);
    for (int end : ends)
      if (end != news_fd) close(end);
    dup3(write_end, news_fd, O_CLOEXEC);
    close(write_end);
    fcntl(news_, F_SETFL, O_NONBLOCK); // ours alone: the other end has a description of its own
  }
  oom_.open();
  // Without these there are no commands, but there is still a reaper, and the Engine's way in.
  if (news_ < 0 || nothing_ < 0) return;
  const uint64_t now = now_ms();
  link_.start(now);
  if (link_.attempt(now)) greet();
}

void doorkeeper::watch(pollfd* fds) const {
  fds[0] = {news_, POLLIN, 0};
  const bool reads = !stopping_ && !answering_ && (link_.open() || link_.now() == door_link::state::waiting);
  const bool waits = link_.blocked() && link_.retry_at() == UINT64_MAX;
  fds[1] = {link_.fd(), static_cast<short>((reads ? POLLIN : 0) | (waits ? POLLOUT : 0)), 0};
  connector_.watch(fds + 2);
}

uint64_t doorkeeper::deadline() const {
  const uint64_t attempt = stopping_ || news_ < 0 || nothing_ < 0 ? UINT64_MAX : link_.next_try();
  const uint64_t retry = link_.retry_at() < attempt ? link_.retry_at() : attempt;
  const uint64_t own = retry < due_ ? retry : due_;
  return connector_.deadline() < own ? connector_.deadline() : own;
}

void doorkeeper::serve(const pollfd* fds) {
  if (connector_.size() > 0) connector_.serve(fds + 2, now_ms());
  if ((fds[0].revents & POLLIN) != 0) read_news();
  const short socket = fds[1].fd >= 0 ? fds[1].revents : short{0};
  if (socket != 0) {
    const uint64_t now = now_ms();
    if ((socket & POLLOUT) != 0) send_again();
    // What was sent before a hang-up is read first.
    if ((socket & POLLIN) != 0)
      read_frame(now);
    else if ((socket & (POLLHUP | POLLERR)) != 0)
      lose(now);
  }
  const uint64_t limit = deadline();
  if (limit == UINT64_MAX) return;
  const uint64_t now = now_ms();
  if (now < limit) return;
  if (link_.retry_at() <= now) send_again();
  if (due_ <= now) look_after_due(now);
  if (!stopping_ && link_.next_try() <= now && link_.attempt(now)) greet();
}

void doorkeeper::send_again() {
  link_.unblock();
  if (link_.now() == door_link::state::greeting)
    greet();
  else
    flush();
}

void doorkeeper::lose(uint64_t now) {
  link_.close(now);
  answering_ = false;
  greeted_ = 0;
  for (command& c : commands_) {
    c.untold &= untold_failure;
    if (c.now == phase::ended && !c.outlives) close_descriptor(c.fds[kept_tty]);
    if (!c.runs() || c.outlives || c.orphan_at != 0) continue;
    c.orphan_at = now + door::orphan_grace_ms;
    if (c.orphan_at < due_) due_ = c.orphan_at;
  }
}

/// Sends the greeting, or goes on with it where the socket has room again.
void doorkeeper::greet() {
  if (greeted_ == 0) {
    frame_line hello("hello");
    hello.number(door::door_version).word(life());
    if (link_.send(hello.view()) != transfer::done) return lose(now_ms());
    greeted_ = 1;
  }
  while (command* c = commands_.at(greeted_ - 1)) {
    const bool told = c->runs() ? c->outlives : c->now == phase::ended && !c->forgotten;
    if (told) {
      const transfer sent = link_.send(command_frame(*c).view(), c->fds, kept_count);
      if (sent == transfer::later) return;
      if (sent == transfer::broken) break;
      c->untold = 0;
    }
    ++greeted_;
  }
  const transfer sent = link_.send(frame_line("ready").view());
  if (sent == transfer::later) return;
  greeted_ = 0;
  if (sent == transfer::broken) return lose(now_ms());
  link_.proceed(door_link::state::waiting);
}

bool doorkeeper::welcome(frame_words words) {
  text version;
  uint64_t n = 0;
  if (!words.next(version) || !parse_number(version, UINT32_MAX, n) || n == 0) return false;
  link_.proceed(door_link::state::open);
  return true;
}

void doorkeeper::read_frame(uint64_t now) {
  descriptor_list with;
  text frame;
  const transfer got = link_.receive(incoming, sizeof incoming, frame, with);
  if (got == transfer::later) return;
  if (got == transfer::broken || !is_frame(frame) || !obey(frame, with)) return lose(now);
  if (link_.open()) flush();
}

/// False: this is no frame of the protocol.
bool doorkeeper::obey(text frame, descriptor_list& with) {
  frame_words words(frame);
  text verb;
  words.next(verb);
  if (!link_.open()) return verb == "welcome" && welcome(words);
  if (verb == "welcome") return false;
  text id;
  if (!words.next(id) || !is_id(id)) return false;
  if (verb == "spawn") return spawn(id, frame, false, with);
  if (verb == "spawn-large") return spawn_large(id, with);
  if (verb == "signal") return send_signal(id, words);
  if (verb == "connect") return connect(words, with);
  if (verb == "listeners") return list(words, with);
  if (verb == "resize") return resize(id, words);
  if (verb == "close-input") close_input(id);
  if (verb == "hang-up") hang_up(id);
  if (verb == "end") end(id);
  if (verb == "forget") forget(id);
  return true; // also for a verb of a later version
}

/// For what no command of ours has a place for.
void doorkeeper::answer(const frame_line& frame) {
  answer_ = frame;
  answering_ = true;
}

void doorkeeper::flush() {
  if (!link_.open() || link_.blocked()) return;
  if (answering_) {
    const transfer sent = link_.send(answer_.view());
    if (sent == transfer::later) return;
    answering_ = false;
    if (sent == transfer::broken) return lose(now_ms());
  }
  for (command& c : commands_)
    if (c.untold != 0 && !tell(c)) return;
}

/// False where the socket takes no more.
bool doorkeeper::tell(command& c) {
  if (!link_.open() || link_.blocked()) return false;
  while (c.untold != 0) {
    transfer sent = transfer::done;
    if ((c.untold & untold_start) != 0) {
      sent = link_.send(started_frame(c).view(), c.fds + kept_tty, c.on_terminal ? 1 : 0);
      if (sent == transfer::done) c.untold &= static_cast<unsigned char>(~untold_start);
    } else if ((c.untold & untold_input_closed) != 0) {
      sent = link_.send(frame_line("input-closed").word(c.id()).view());
      if (sent == transfer::done) c.untold &= static_cast<unsigned char>(~untold_input_closed);
    } else if ((c.untold & untold_hang_up) != 0) {
      sent = link_.send(frame_line("hung-up").word(c.id()).view());
      if (sent == transfer::done) c.untold &= static_cast<unsigned char>(~untold_hang_up);
    } else if ((c.untold & untold_failure) != 0) {
      sent = link_.send(failed_frame(c).view());
      if (sent == transfer::done) c.untold &= static_cast<unsigned char>(~untold_failure);
    } else if ((c.untold & untold_end) != 0) {
      sent = link_.send(ended_frame(c).view());
      if (sent == transfer::done) c.untold = 0; // it says what is to be said of `gone`
    } else {
      sent = link_.send(gone_frame(c.id(), c.confirmed).view());
      if (sent == transfer::done) c.untold = 0;
    }
    if (sent == transfer::later) return false;
    if (sent == transfer::broken) {
      lose(now_ms());
      return false;
    }
  }
  // Not before its `started` has taken it along.
  if (c.now == phase::ended && !c.outlives) close_descriptor(c.fds[kept_tty]);
  settle(c);
  return true;
}

} // namespace clawdspace::init
