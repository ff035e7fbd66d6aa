#include "commands.hpp"

namespace clawdspace::init {
namespace {

constexpr text confirmed_word(bool confirmed) { return confirmed ? "confirmed" : "unconfirmed"; }

void add_ending(frame_line& frame, const command& c) {
  frame.word(c.lost           ? text("lost")
             : c.how.signaled ? text(door::report_signaled)
                              : text(door::report_exited));
  frame.number(static_cast<uint64_t>(c.how.number));
  line<32> oom;
  if (c.oom.known)
    oom << c.oom.kills;
  else
    oom << door::report_unknown;
  frame.named(door::report_oom, oom.view());
  if (c.gone) frame.named("gone=", confirmed_word(c.confirmed));
}

} // namespace

frame_line started_frame(const command& c) {
  return frame_line("started").word(c.id()).number(static_cast<uint64_t>(c.main));
}

frame_line failed_frame(const command& c) {
  frame_line frame("failed");
  frame.word(c.id());
  if (!c.problem) // not even for the words was there room
    return frame.word(door::start_failures[static_cast<int>(door::start_failure::process_limit)])
        .number(12)
        .word("no memory");
  return frame.word(door::start_failures[static_cast<int>(c.problem->code)])
      .number(static_cast<uint64_t>(c.problem->error))
      .word(c.problem->view());
}

frame_line ended_frame(const command& c) {
  frame_line frame("ended");
  frame.word(c.id());
  add_ending(frame, c);
  return frame;
}

frame_line gone_frame(text id, bool confirmed) {
  return frame_line("gone").word(id).word(confirmed_word(confirmed));
}

frame_line command_frame(const command& c) {
  frame_line frame("command");
  frame.word(c.id());
  if (c.now == phase::ended)
    add_ending(frame, c);
  else
    frame.word("running").number(c.main > 0 ? static_cast<uint64_t>(c.main) : 0);
  line<kept_count> letters;
  for (size_t i = 0; i < kept_count; ++i)
    if (c.fds[i] >= 0) letters << text("ioeth").after(i).first(1);
  if (!letters.view().empty()) frame.named("fds=", letters.view());
  return frame;
}

} // namespace clawdspace::init
