#include <clawdspace/space/execution.hpp>
#include <clawdspace/space/terminal_view.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace clawdspace::spaces {

namespace {

record_ptr must_be_terminal(record_ptr of) {
  if (!of->facts.tty) throw error(errc::conflict, fmt::format("{} has no terminal", of->facts.id));
  if (of->end) throw error(errc::conflict, fmt::format("{} has ended", of->facts.id));
  return of;
}

std::uint64_t replay_from(const command_record& of) {
  return of.output ? of.output->before_end(terminal_view::replay, selection::both) : 0;
}

} // namespace

terminal_view::terminal_view(registry& known, record_ptr of)
    : record_(must_be_terminal(std::move(of))),
      follower_(known, record_, selection::both, replay_from(*record_)), rows_(record_->facts.rows),
      columns_(record_->facts.columns) {
  if (const auto life = record_->life.lock()) life->add_viewer(follower_);
}

terminal_view::~terminal_view() {
  if (const auto life = record_->life.lock()) life->remove_viewer(follower_);
}

task<viewed> terminal_view::next() {
  for (;;) {
    const auto grew = record_->output_grew.value();
    const auto seen = record_->changed.value();
    const auto& facts = record_->facts;
    if (facts.rows != rows_ || facts.columns != columns_) {
      rows_ = facts.rows;
      columns_ = facts.columns;
      co_return viewed{.what = viewed::kind::resized, .rows = rows_, .columns = columns_, .data = {}};
    }
    const auto life = record_->life.lock();
    const auto most = std::min(patience, follower_.capacity() / 2);
    if (life && !life->is_first(follower_) && follower_.behind() > most) {
      life->remove_viewer(follower_);
      co_return viewed{.what = viewed::kind::dropped, .data = {}};
    }
    const auto got = follower_.try_next();
    if (life) life->viewer_moved();
    if (got && got->what == followed::kind::output)
      co_return viewed{.what = viewed::kind::output, .data = got->data};
    if (got && got->what == followed::kind::end) co_return viewed{.what = viewed::kind::end, .data = {}};
    if (got) continue; // a gap: what a killed daemon had not kept
    co_await first_of(record_->output_grew.wait_past(grew), record_->changed.wait_past(seen));
  }
}

} // namespace clawdspace::spaces
