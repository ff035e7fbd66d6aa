#pragma once

#include <clawdspace/core/nursery.hpp>
#include <clawdspace/core/revision.hpp>
#include <clawdspace/space/exec_engine.hpp>
#include <clawdspace/space/report_scanner.hpp>

#include <deque>
#include <vector>

namespace clawdspace::spaces {

/// Why something is not supported.
std::string without_the_door(std::string_view what);

/// One command that runs through the Engine's exec API. A reader of its own moves the stream into a bounded
/// queue: bounded by `ahead` while the process runs, which is the back-pressure, and by `tail` from its end
/// on, since the Engine then drops what is not read within 2 s (about 1.3 MB can be under way).
class engine_command final : public running_command {
 public:
  engine_command(engine_backend& backend, space_ptr where, command_spec what, std::string exec,
                 std::string token, std::unique_ptr<engine::exec_stream> stream);
  ~engine_command() override;

  task<bool> started() override;
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
  struct chunk {
    channel from = channel::out;
    std::vector<std::byte> data;
  };

  task<> read_stream();
  task<> wait_for_news(std::uint64_t seen);
  void take(const engine::exec_stream::piece& piece);
  void append(channel from, std::span<const std::byte> data);
  void take_report(std::string_view body);
  [[nodiscard]] std::size_t limit() const;
  [[nodiscard]] bool process_ended() const { return end_.has_value() || died_; }
  task<process_end> ask_engine();

  engine_backend& backend_;
  space_ptr space_;
  command_spec spec_;
  std::string exec_;
  std::unique_ptr<engine::exec_stream> stream_;
  report_scanner scanner_;

  std::deque<chunk> queue_;
  std::vector<std::byte> current_; ///< what the last read gave
  std::vector<std::byte> spare_;   ///< what it gave before: its memory is used again
  std::size_t queued_ = 0;
  std::size_t after_end_ = 0; ///< bytes since the process's end: a child in the background may never stop
  std::optional<process_end> end_;
  std::string stream_failure_;
  bool started_ = false; ///< init has reported, so what comes is the command's own
  bool died_ = false;    ///< the Engine says so
  bool ended_ = false;   ///< the stream is over, or was let go
  bool input_closed_ = false;
  revision changed_;
  nursery reader_;
};

} // namespace clawdspace::spaces
