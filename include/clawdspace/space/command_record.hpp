#pragma once

#include <clawdspace/core/revision.hpp>
#include <clawdspace/space/history.hpp>
#include <clawdspace/space/outcome.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clawdspace::spaces {

class execution;
class output_split;

/// What a command is, as it is listed. Long texts are cut to text_limit bytes.
struct command_facts {
  static constexpr std::size_t text_limit = 4096;

  std::string id;
  std::vector<std::string> argv; ///< with `shell`: one text; with `login`: empty
  bool shell = false;
  bool login = false;
  bool cut = false; ///< there was more of the command than argv has
  std::string cwd;  ///< as asked for; empty: the default
  std::string user; ///< likewise
  time_point started;
  bool tty = false;
  int rows = 24;
  int columns = 80;
  bool input = false;    ///< what is written to it reaches it, while it reads
  bool detached = false; ///< goes on without a client, and without the daemon
  bool terminal = false; ///< was started to be attached to; also goes on without the daemon
  bool keep_awake = true;
  std::optional<milliseconds> linger; ///< of a terminal that nobody looks at; nothing: for ever
  std::optional<milliseconds> timeout;

  [[nodiscard]] bool outlives() const noexcept { return detached || terminal; }
};

/// One command, from its start until it is forgotten. The book keeps it; who holds the pointer may go on
/// reading what is in it. Changed by the execution alone.
struct command_record {
  command_record(const asio::any_io_executor& executor, space_ptr in, command_facts what)
      : where(std::move(in)), facts(std::move(what)), changed(executor), output_grew(executor) {}

  space_ptr where;
  command_facts facts;
  std::array<std::uint64_t, 2> bytes{}; ///< of stdout and stderr so far
  std::optional<ending> end;            ///< not set: it runs
  time_point ended;
  std::shared_ptr<history> output;     ///< nothing: none was asked for, it broke, or it had to make room
  bool output_dropped = false;         ///< there was one, and it had to make room
  std::weak_ptr<execution> life;       ///< while it runs
  std::shared_ptr<output_split> other; ///< while one may come for the output that its request does not read

  revision changed;     ///< of its end and of a terminal's size
  revision output_grew; ///< and of its end
};

using record_ptr = std::shared_ptr<command_record>;

/// The facts that a request gives, its texts cut.
command_facts facts_of(const command_spec& spec);

} // namespace clawdspace::spaces
