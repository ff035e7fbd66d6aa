#pragma once

#include <clawdspace/core/revision.hpp>
#include <clawdspace/space/command.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

namespace clawdspace::test {

/// A command as a test plays it; the test holds it, and so does whoever runs it.
struct played {
  explicit played(const asio::any_io_executor& executor) : changed(executor) {}

  spaces::command_spec spec;
  revision changed;

  /// What its process does.
  void say(spaces::channel from, std::string text) {
    output.emplace_back(from, std::move(text));
    changed.bump();
  }
  void run() {
    runs = true;
    changed.bump();
  }
  void finish(spaces::process_end how) {
    runs = over = true;
    how_it_ended = std::move(how);
    changed.bump();
  }
  void exit(int code) { finish({.exit_code = code}); }

  bool in_memory = false;      ///< gives output as bytes, also where a pipe could be
  bool ends_on_request = true; ///< its tree dies when that is asked for
  bool reads_input = true;     ///< writes return
  bool input_open = true;
  bool hangs_up = true; ///< ends when its terminal goes

  /// What was done to it.
  std::string input;
  bool input_closed = false;
  std::vector<std::pair<int, bool>> signals;
  int rows = 0;
  int columns = 0;
  int hang_ups = 0;
  int tree_ends = 0;
  int closed = 0;
  std::size_t read = 0; ///< bytes

  std::deque<std::pair<spaces::channel, std::string>> output;
  bool runs = false;
  bool over = false;
  bool let_go = false;
  spaces::process_end how_it_ended;
};

class played_command final : public spaces::running_command {
 public:
  explicit played_command(std::shared_ptr<played> what) : it_(std::move(what)) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) throw std::runtime_error("no pipe for a command");
    reading_ = unique_fd(ends[0]);
    writing_ = unique_fd(ends[1]);
  }

  task<bool> started() override {
    while (!it_->runs) co_await it_->changed.wait_past(it_->changed.value());
    co_return it_->how_it_ended.failure_code.empty();
  }
  task<spaces::output_piece> read(bool in_pipe) override {
    while (it_->output.empty() && !it_->over && !it_->let_go)
      co_await it_->changed.wait_past(it_->changed.value());
    if (it_->output.empty()) co_return spaces::output_piece{};
    const auto from = it_->output.front().first;
    current_ = std::move(it_->output.front().second);
    it_->output.pop_front();
    if (current_.size() > 32'768) {
      it_->output.emplace_front(from, current_.substr(32'768));
      current_.resize(32'768);
    }
    it_->read += current_.size();
    const auto data = std::as_bytes(std::span(current_));
    if (!in_pipe || it_->in_memory) co_return spaces::output_piece{.from = from, .data = data};
    if (::write(writing_.value(), data.data(), data.size()) != static_cast<ssize_t>(data.size()))
      throw std::runtime_error("a piece was not taken from its pipe");
    co_return spaces::output_piece{.from = from, .data = {}, .pipe = reading_.value(), .ready = data.size()};
  }
  void let_go() override {
    it_->let_go = true;
    it_->changed.bump();
  }
  task<> write_input(std::span<const std::byte> data) override {
    while (!it_->reads_input) co_await it_->changed.wait_past(it_->changed.value());
    it_->input.append(reinterpret_cast<const char*>(data.data()), data.size());
    it_->changed.bump();
  }
  task<> close_input() override {
    it_->input_closed = true;
    it_->input_open = false;
    it_->changed.bump();
    co_return;
  }
  [[nodiscard]] bool input_open() const override { return it_->input_open; }
  task<> signal(int number, bool tree) override {
    it_->signals.emplace_back(number, tree);
    it_->changed.bump();
    co_return;
  }
  task<> resize(int rows, int columns) override {
    it_->rows = rows;
    it_->columns = columns;
    co_return;
  }
  task<> hang_up() override {
    ++it_->hang_ups;
    if (it_->hangs_up && !it_->over) it_->finish({.signal = SIGHUP});
    it_->changed.bump();
    co_return;
  }
  task<spaces::process_end> end() override { co_return it_->how_it_ended; }
  task<bool> end_tree() override {
    ++it_->tree_ends;
    if (it_->ends_on_request && !it_->over) it_->finish({.signal = SIGKILL, .tree_gone = true});
    it_->changed.bump();
    co_return it_->ends_on_request;
  }
  task<> close() override {
    ++it_->closed;
    co_return;
  }

 private:
  std::shared_ptr<played> it_;
  std::string current_;
  unique_fd reading_;
  unique_fd writing_;
};

class scripted_backend final : public spaces::command_backend {
 public:
  explicit scripted_backend(const asio::any_io_executor& executor) : executor_(executor) {}

  task<std::unique_ptr<spaces::running_command>> start(spaces::space_ptr,
                                                       spaces::command_spec what) override {
    if (what.outlives && !limit.empty()) throw error(errc::not_supported, limit);
    auto one = std::make_shared<played>(executor_);
    one->spec = std::move(what);
    one->runs = start_at_once;
    started.push_back(one);
    co_return std::make_unique<played_command>(one);
  }
  task<bool> end_rest(spaces::space_ptr, std::string id) override {
    rests.push_back(std::move(id));
    co_return true;
  }
  [[nodiscard]] bool is_unheard(const spaces::space&) const override { return unheard; }
  task<> hear(spaces::space_ptr) override {
    ++hearings;
    unheard = false;
    co_return;
  }
  void forget(const spaces::space_ptr&, const std::string& id) override { forgotten.push_back(id); }
  [[nodiscard]] std::string limitation(const spaces::space&) const override { return limit; }

  std::vector<std::shared_ptr<played>> started;
  std::vector<std::string> rests;
  std::vector<std::string> forgotten;
  std::string limit;
  bool unheard = false; ///< until it is asked to hear
  int hearings = 0;
  bool start_at_once = true;

 private:
  asio::any_io_executor executor_;
};

} // namespace clawdspace::test
