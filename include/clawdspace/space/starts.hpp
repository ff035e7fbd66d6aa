#pragma once

#include <clawdspace/core/event.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <string>

namespace clawdspace::spaces {

/// Lets no more commands begin at once than the processors carry. The kernel divides a processor among the
/// cgroups that want it, and one whose work is on the other processor at the moment may wait a hundred
/// milliseconds for its part of this one (docs/performance.md). Spaces take turns here; within a space it is
/// first come, first served.
class starts {
 public:
  /// Held while a command begins: until it is let go of, or for the patience below, so that one that goes on
  /// (or whose space never answers) keeps nobody waiting.
  using pass = std::shared_ptr<void>;

  /// `width`: how many may hold a pass at once.
  starts(const asio::any_io_executor& executor, std::size_t width,
         std::chrono::milliseconds patience = std::chrono::milliseconds(4));
  starts(const starts&) = delete;
  starts& operator=(const starts&) = delete;

  /// A pass may outlive this. Who is cancelled meanwhile leaves the queue.
  task<pass> enter(std::string space);

 private:
  struct holder {
    std::uint64_t number;
    std::chrono::steady_clock::time_point until;
  };
  struct waiter {
    explicit waiter(const asio::any_io_executor& executor) : turn(executor) {}
    event turn;
    pass given;
  };
  struct line {
    std::string space;
    std::deque<waiter*> waiting; ///< never empty
  };
  class place;

  bool has_room();
  pass give();
  void let_go(std::uint64_t number);
  void admit();
  void watch();

  asio::any_io_executor executor_;
  std::size_t width_;
  std::chrono::milliseconds patience_;
  std::deque<holder> holders_; ///< the oldest first
  std::uint64_t last_number_ = 0;
  std::list<line> lines_; ///< whose turn is next first
  asio::steady_timer timer_;
  bool watching_ = false;
  std::shared_ptr<starts*> self_; ///< gone with this, which passes and a timer may outlive
};

} // namespace clawdspace::spaces
