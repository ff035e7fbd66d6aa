#pragma once

#include <clawdspace/core/nursery.hpp>
#include <clawdspace/space/command_record.hpp>
#include <clawdspace/space/lifecycle.hpp>

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace clawdspace::spaces {

class output_split;
class output_follower;
class terminal_view;

/// Where a command's input comes from: the body of a request.
class input_source {
 public:
  virtual ~input_source() = default;
  virtual task<std::size_t> read_some(std::span<std::byte> into) = 0; ///< 0: end-of-file
};

/// Where its output goes. What it takes its time for, the process waits for.
class output_sink {
 public:
  virtual ~output_sink() = default;
  virtual task<> begin() = 0; ///< the command has been started
  virtual task<> take(output_piece piece) = 0;
  /// Whether pieces may come in a pipe (output_piece::pipe): `take` then takes exactly those bytes from it.
  [[nodiscard]] virtual bool takes_pipes() const { return false; }
};

/// Whoever waits for a command. `on_leaving` registers who is to be told when nobody does any more; that ends
/// with what it returns. `beside`, if there is one, runs as long as the command's output.
struct caller {
  std::function<std::shared_ptr<void>(std::function<void()> left)> on_leaving;
  std::function<task<>()> beside = {};
};

/// A command from its start to its end: wakes its space and keeps it awake, feeds and drains it, holds it to
/// its time, and ends its tree where the time is over, its caller has left, or somebody asks for that. Made
/// by the book; everything that others may ask of it while it runs goes through the book as well.
class execution : public std::enable_shared_from_this<execution> {
 public:
  struct request {
    command_spec command;                ///< its id is given by the book
    std::optional<milliseconds> timeout; ///< of running time: a frozen space's clock stands still
    bool history = false;                ///< of an attached one; the others have one always
    bool keep_awake = true;              ///< of a detached one
    std::optional<milliseconds> linger = milliseconds(60'000); ///< of a terminal; nothing: for ever
  };

  /// What executions stand on. All of it outlives them.
  struct parts {
    asio::any_io_executor executor;
    registry& known;
    lifecycle& operations;
    command_backend& backend;
    event_hub& events;
  };

  execution(const parts& below, record_ptr about, command_spec what,
            std::function<void(const record_ptr&)> on_end);

  [[nodiscard]] const std::string& id() const noexcept { return record_->facts.id; }
  [[nodiscard]] const record_ptr& record() const noexcept { return record_; }

  /// Of an attached command: carries output and input until it has ended, or `who` has left. With `only`,
  /// `output` gets that one; the other waits up to `other_waits` for a follower (command_book::follow_other)
  /// and is then dropped. Must be awaited once, at once after the start. Throws what `output` throws, and
  /// errc::client_left, when the tree has been ended.
  task<ending> run(output_sink& output, input_source* input, caller who,
                   std::optional<channel> only = std::nullopt,
                   milliseconds other_waits = milliseconds(1'000));

 private:
  friend class command_book;
  friend class terminal_view;

  // execution.cpp: the life of it
  task<> start();
  void take_over(std::unique_ptr<running_command> found, milliseconds ran, end_cause cause);
  task<> live(); ///< of one that no request owns
  task<> see_off();
  task<ending> conclude();
  task<> let_go();
  void write_note();
  [[nodiscard]] milliseconds ran() const;

  // execution_output.cpp: what comes out of it and goes in
  task<> carry_output(output_sink& output, nursery& siblings);
  task<> carry_input(input_source& input);
  task<> wake_for_input();
  task<> keep_output(nursery& siblings);
  task<> keep_for_forward();
  task<> forward(output_follower& from, output_sink& output, nursery& siblings);
  task<> discard_output(nursery& siblings);
  task<> output_ended(nursery& siblings);
  task<> keep_all();
  task<> keep(output_piece piece);
  void count_output(channel from, std::size_t size);
  task<> wait_for_pace();
  void release_pace();
  void add_viewer(const output_follower& one);
  void remove_viewer(const output_follower& one);
  [[nodiscard]] bool is_first(const output_follower& one) const;
  void viewer_moved() { viewers_moved_.bump(); }

  // execution_watch.cpp: what may end it
  void start_watches(nursery& children);
  task<> watch_time();
  void order_end();
  void space_left();
  task<> let_go_soon();
  task<> watch_viewers();
  task<> linger();
  task<> end_tree(end_cause cause);

  // execution_visit.cpp: what others ask of it
  task<bool> program_runs();
  task<> write_input(std::span<const std::byte> data);
  task<> close_input();
  task<> signal(int number, bool tree);
  task<> resize(int rows, int columns);
  task<> hang_up();
  task<> end();
  template <class Errand> task<> visit(Errand errand);
  task<> wake();
  void must_run() const;
  void must_take_input() const;

  parts below_;
  record_ptr record_;
  command_spec spec_; ///< until it has been started
  std::function<void(const record_ptr&)> on_end_;
  std::chrono::steady_clock::time_point began_;
  std::chrono::steady_clock::duration ran_{}; ///< of its running time, up to `ticking_since_`
  std::optional<std::chrono::steady_clock::time_point> ticking_since_;
  lease lease_;
  std::unique_ptr<running_command> command_;

  end_cause cause_ = end_cause::none;
  std::optional<bool> confirmed_;
  event kill_answered_;
  bool ending_tree_ = false;
  bool was_asleep_ = false;     ///< and is to sleep again once the tree is ended
  bool killed_by_us_ = false;   ///< somebody asked for a SIGKILL
  bool ordered_ = false;        ///< somebody asked for its end
  bool space_left_ = false;     ///< and took it along
  nursery* children_ = nullptr; ///< while there are any
  event hung_up_;               ///< somebody closed its terminal
  bool output_over_ = false;

  bool was_viewed_ = false;
  std::list<const output_follower*> viewers_; ///< the first holds the program to its pace
  revision viewers_changed_;
  revision viewers_moved_;
  bool unpaced_ = false;

  gate input_turn_;
  gate size_turn_;
  int visitors_ = 0; ///< errands on `command_` under way
  event leaving_;    ///< no more of them
  event no_visitors_;
};

} // namespace clawdspace::spaces
