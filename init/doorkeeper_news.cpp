#include "doorkeeper.hpp"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

namespace clawdspace::init {
namespace {

char heard[4096];

constexpr size_t head = offsetof(subreaper_message, words);

} // namespace

void doorkeeper::read_news() {
  if (news_ < 0) return;
  for (;;) {
    const ssize_t n = read(news_, heard + news_size_, sizeof heard - news_size_);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    news_size_ += static_cast<size_t>(n);
    size_t at = 0;
    while (news_size_ - at >= head) {
      subreaper_message message;
      memcpy(&message, heard + at, head);
      if (news_size_ - at < message.bytes()) break;
      memcpy(message.words, heard + at + head, message.size);
      at += message.bytes();
      hear(message);
    }
    news_size_ -= at;
    memmove(heard, heard + at, news_size_);
    // Less than was asked for: there is no more, and poll says so when there is.
    if (static_cast<size_t>(n) + news_size_ < sizeof heard) return;
  }
}

void doorkeeper::hear(const subreaper_message& message) {
  command* c = commands_.at(message.command);
  if (!c || c->now == phase::unused) return;
  switch (message.what) {
  case news::started:
    c->now = phase::running;
    c->main = message.number;
    c->untold |= untold_start;
    break;
  case news::failed:
    refuse(*c, make_problem(message.code, message.number, {message.words, message.size}));
    return note_end(*c);
  case news::ended:
    c->now = phase::ended;
    c->how = {message.signaled, message.number};
    c->gone = c->confirmed = message.gone;
    c->untold |= untold_end;
    return note_end(*c);
  case news::gone:
    c->gone = c->confirmed = true;
    if (!c->forgotten) c->untold |= untold_gone;
    break;
  }
  tell(*c);
}

/// After the main process's end, or what took its place.
void doorkeeper::note_end(command& c) {
  c.oom = growth(c.oom_before, oom_.now());
  if (tell(c) && c.now == phase::unused) return;
  commands_.note_ending(c, link_.now() != door_link::state::closed);
}

void doorkeeper::collected(pid_t pid) {
  for (pid_t& helper : helpers_)
    if (helper == pid) helper = 0;
  command* c = commands_.of_subreaper(pid);
  if (!c) return;
  read_news(); // whatever it had to say, it said before
  c->subreaper = -1;
  if (c->runs()) {
    c->now = phase::ended;
    c->lost = c->gone = true;
    c->untold |= untold_end;
    return note_end(*c);
  }
  if (c->now == phase::ended && !c->gone) {
    c->gone = true;
    if (!c->forgotten) c->untold |= untold_gone;
    tell(*c);
  }
  settle(*c);
}

/// Lets go of a command of which nothing is to be told or collected any more.
void doorkeeper::settle(command& c) {
  if (c.now != phase::unused && !c.alive() && c.settled()) commands_.remove(c);
}

} // namespace clawdspace::init
