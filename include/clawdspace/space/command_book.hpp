#pragma once

#include <clawdspace/space/command_ids.hpp>
#include <clawdspace/space/execution.hpp>
#include <clawdspace/space/output_follower.hpp>
#include <clawdspace/space/terminal_view.hpp>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace clawdspace::spaces {

/// Knows the commands of all spaces: those that run, and the last that ended. Owns those that no request
/// owns. What is asked of a command that runs in a paused space wakes the space first.
class command_book {
 public:
  /// `below.backend` may call `adopt`.
  command_book(const execution::parts& below, command_ids ids);

  // --- starting ---
  // All wake the space, and throw what a request about the space would be told, errc::overloaded where there
  // is no room for a history, errc::not_supported where commands cannot outlive a request here.

  /// For a request that then awaits `run` and owns the command.
  task<std::shared_ptr<execution>> start(space_ptr where, execution::request what);
  /// Throws errc::not_supported where it is known beforehand that the two below would.
  void must_outlive(const space& where) const;
  /// Returns when the program runs, or has failed to: its record tells.
  task<record_ptr> start_detached(space_ptr where, execution::request what);
  /// Likewise, on a terminal, for views to be attached to. It lingers from its start on.
  task<record_ptr> start_terminal(space_ptr where, execution::request what);

  // --- finding ---

  /// Throws errc::command_forgotten for one that was, errc::command_not_found for one that never was.
  [[nodiscard]] record_ptr at(const space& where, std::string_view id) const;
  /// The same. Where the daemon has just come back, and what runs in the space was not heard of since, it is
  /// waited for; a space that sleeps is thawed for that, and sleeps on.
  task<record_ptr> seek(space_ptr where, std::string id);
  /// Waits likewise; of a space that sleeps, only what is known.
  task<std::vector<record_ptr>> seek_all(space_ptr where);
  /// Newest first.
  [[nodiscard]] std::vector<record_ptr> list(const space& where) const;

  // --- asking something of one that runs ---
  // All throw errc::conflict, with words, where it has ended.

  /// Returns when the command has taken it. Calls take turns. Throws errc::conflict where it reads no input
  /// (any more).
  task<> write_input(record_ptr of, std::span<const std::byte> data);
  task<> close_input(record_ptr of);
  task<> signal(record_ptr of, int number, bool tree);
  /// The last wins, and the record's `changed` tells. Throws errc::conflict where it has no terminal.
  task<> resize(record_ptr of, int rows, int columns);
  /// Closes a terminal, as closing its window would: its tree is ended where it does not end by itself.
  task<> hang_up(record_ptr of);
  /// Ends its tree; of one that has ended, what it left in the background. Whether it is certain that nothing
  /// is left. A command that ran has its ending in its record on return.
  task<bool> end(record_ptr of);

  /// Gives `output` the other output of a command that runs with `only` (execution::run), until it ends. One
  /// may do so, within a second of the start. `output.begin` is called first. Throws errc::no_history where
  /// that is not so: there is nothing else to read it from.
  task<> follow_other(record_ptr of, channel which, output_sink& output);

  // --- across a restart ---

  /// One that was found alive or ended in a space. Where the book has it already, the found one is closed.
  void adopt(space_ptr where, found_command found);

  /// Lets go of what runs: what outlives the daemon goes on, everything else has been ended by its request.
  task<> close();

 private:
  /// The commands of one space.
  struct shelf {
    std::map<std::string, record_ptr, std::less<>> running;
    std::map<std::string, record_ptr, std::less<>> ended;
    std::deque<record_ptr> endings; ///< oldest first
  };

  std::shared_ptr<execution> make(const space_ptr& where, execution::request what, bool detached,
                                  bool terminal);
  task<record_ptr> start_unowned(std::shared_ptr<execution> command);
  task<> live(std::shared_ptr<execution> command);
  void put(const std::shared_ptr<execution>& command);
  shelf& shelf_of(const space_ptr& where);
  void take_ending(const record_ptr& about);
  void put_ended(const record_ptr& about);
  void drop(const record_ptr& about);
  task<> follow_space(space_ptr where);
  task<> keep_other(record_ptr about);
  task<bool> end_rest(record_ptr of);
  [[nodiscard]] record_ptr find(const space& where, std::string_view id) const;
  [[nodiscard]] static std::shared_ptr<execution> running(const record_ptr& of);

  // command_book_room.cpp: histories, found ones as well, and room for them
  [[nodiscard]] std::shared_ptr<history> make_history();
  [[nodiscard]] bool make_room(std::size_t size);
  [[nodiscard]] std::shared_ptr<history> hold(history one);
  void let_go_of_output(const record_ptr& about);
  task<> close_found(std::unique_ptr<running_command> command);

  execution::parts below_;
  command_ids ids_;
  std::map<std::string, shelf, std::less<>> shelves_; ///< by the space's id
  std::deque<record_ptr> with_output_;                ///< ended, oldest first
  std::shared_ptr<std::size_t> room_taken_;           ///< bytes, of all histories
  nursery lives_;
};

} // namespace clawdspace::spaces
