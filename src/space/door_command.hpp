#pragma once

#include "door_stream.hpp"
#include <clawdspace/door/door.hpp>
#include <clawdspace/space/exec_door.hpp>

#include <array>
#include <chrono>

namespace clawdspace::spaces {

/// Until an init says that a tree is gone.
inline constexpr std::chrono::seconds kill_patience{20};

/// One command that runs behind a door. Nothing is read unless it is asked for: what nobody takes stays in
/// the pipe, and holds the process.
class door_command final : public running_command {
 public:
  door_command(door_backend& backend, std::shared_ptr<door::door> at, std::shared_ptr<door::followed> told,
               command_spec what);
  ~door_command() override;

  void set_input(unique_fd writing);
  void set_output(channel which, unique_fd reading);
  void set_terminal(unique_fd master);

  task<output_piece> read(bool in_pipe) override;
  void let_go() override;
  task<> write_input(std::span<const std::byte> data) override;
  task<> close_input() override;
  [[nodiscard]] bool input_open() const override;
  task<> signal(int number, bool tree) override;
  task<> resize(int rows, int columns) override;
  task<> hang_up() override;
  task<process_end> end() override;
  task<bool> end_tree() override;
  task<> close() override;

 private:
  using time = std::chrono::steady_clock::time_point;

  [[nodiscard]] bool is_over() const { return told_->end || told_->failure || !told_->lost.empty(); }
  void note_end();
  [[nodiscard]] bool has_had_enough() const;
  output_piece take(channel from, bool in_pipe);
  output_piece count(output_piece piece);
  void give_back_buffer();
  door_stream& input() { return spec_.tty ? outputs_[0] : input_; }
  [[nodiscard]] process_end describe_end() const;

  door_backend& backend_;
  std::shared_ptr<door::door> door_;
  std::shared_ptr<door::followed> told_;
  command_spec spec_;
  door_stream input_;
  std::array<door_stream, 2> outputs_; ///< by channel; a terminal is the first
  bool input_closed_ = false;
  read_buffers::buffer buffer_;
  std::size_t buffer_size_ = read_buffers::small;
  bool is_large_ = false;             ///< its pipes have been widened
  std::size_t next_ = 0;              ///< the channel whose turn it is
  std::optional<time> over_since_;    ///< when its end was noticed
  std::array<std::size_t, 2> owed_{}; ///< bytes that stood in the pipes then
  std::size_t after_end_ = 0;         ///< bytes beyond those
  bool looked_last_ = false;          ///< since nothing of its tree is left
  bool asked_to_end_ = false;         ///< before its end was known
  bool let_go_ = false;
};

} // namespace clawdspace::spaces
