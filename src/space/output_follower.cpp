#include <clawdspace/space/output_follower.hpp>

#include <fmt/format.h>

namespace clawdspace::spaces {

namespace {

constexpr std::size_t most_at_once = std::size_t{64} << 10;

std::shared_ptr<history> output_of(const command_record& of) {
  if (of.output) return of.output;
  if (of.output_dropped)
    throw error(errc::command_forgotten,
                fmt::format("the output of {} is not kept any more: it had to make room", of.facts.id));
  throw error(
      errc::no_history,
      fmt::format("no output of {} is kept: ask for `detach` or `history` when it is started", of.facts.id));
}

} // namespace

output_follower::output_follower(registry& known, record_ptr of, selection what, std::uint64_t offset)
    : known_(known), record_(std::move(of)), output_(output_of(*record_)), what_(what), offset_(offset) {
  (void)output_->read(offset_, what_); // refuses what is past the end
}

std::optional<followed> output_follower::try_next() {
  const auto here = output_->read(offset_, what_, most_at_once);
  const auto from = offset_;
  if (here.what == history::item::kind::end) {
    if (!record_->end) return std::nullopt;
    return followed{.what = followed::kind::end, .from_offset = from, .to_offset = from, .data = {}};
  }
  offset_ = here.to;
  if (here.what == history::item::kind::gap)
    return followed{.what = followed::kind::gap, .from_offset = from, .to_offset = here.to, .data = {}};
  piece_.assign(here.data.begin(), here.data.end()); // the ring goes on under a slow reader
  known_.touch(record_->where);
  return followed{.what = followed::kind::output,
                  .from = here.from,
                  .from_offset = from,
                  .to_offset = here.to,
                  .data = piece_};
}

task<followed> output_follower::next() {
  for (;;) {
    const auto seen = record_->output_grew.value();
    if (auto got = try_next()) co_return *got;
    co_await record_->output_grew.wait_past(seen);
  }
}

} // namespace clawdspace::spaces
