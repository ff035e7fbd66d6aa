#pragma once

#include <clawdspace/space/command_record.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace clawdspace::spaces {

/// What must be known of a command after a restart: a JSON object in its history.
struct command_note {
  command_facts facts;
  milliseconds ran{};                ///< of its running time, at `written`
  time_point written;                ///< when the note was
  bool frozen = false;               ///< its space's clock stood still then
  end_cause cause = end_cause::none; ///< why we were ending it
  std::optional<ending> end;
  time_point ended;
};

/// At most history::note_limit bytes.
std::string to_text(const command_note& note);
/// Read without trust: nothing where it is not one.
std::optional<command_note> note_from(std::string_view text);

} // namespace clawdspace::spaces
