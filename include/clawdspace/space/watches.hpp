#pragma once

#include <clawdspace/core/gate.hpp>
#include <clawdspace/core/revision.hpp>
#include <clawdspace/space/files.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

namespace clawdspace::spaces {

/// One who follows what becomes of a path. Ends with its object.
class watch_follower;

/// All that watch files: one program, and so one inotify instance, for each user of a space, for as long as
/// somebody follows. It keeps the space awake.
class watches {
 public:
  watches(const asio::any_io_executor& executor, files& programs)
      : executor_(executor), programs_(programs), running_(executor) {}

  /// Returns when nothing is missed from here on. Nothing where the space has no door. Throws file_error,
  /// `watch_limit` too, and what files::start throws.
  task<std::unique_ptr<watch_follower>> follow(space_ptr where, std::string user, std::string path,
                                               bool recursive);
  task<> close();

 private:
  friend class watch_follower;
  struct program;
  using program_ptr = std::shared_ptr<program>;

  task<bool> start(program_ptr p, space_ptr where, std::string user);
  task<> run(program_ptr p);
  void leave(const program_ptr& p, const std::string& id);
  task<> tell_of_leaving(program_ptr p, std::string id);

  asio::any_io_executor executor_;
  files& programs_;
  std::map<std::string, program_ptr> all_; ///< by space and user
  std::uint64_t last_id_ = 0;
  nursery running_;
};

class watch_follower {
 public:
  watch_follower(watches& owner, watches::program_ptr of, std::string id);
  ~watch_follower();
  watch_follower(const watch_follower&) = delete;
  watch_follower& operator=(const watch_follower&) = delete;

  /// What the program tells, as it stands in files/protocol.hpp: `type` is `created`, `modified`, `deleted`,
  /// `moved`, `overflow`, or `ended`, which is the last. Throws where the program, or its space, has ended.
  task<boost::json::object> next();
  /// Whether there is one now; and a number that grows with each.
  [[nodiscard]] bool has_next() const noexcept { return !queue_.empty(); }

 private:
  friend class watches;
  void take(boost::json::object told);

  watches& owner_;
  watches::program_ptr of_;
  std::string id_;
  bool answered_ = false;
  std::deque<boost::json::object> queue_;
  bool missed_ = false; ///< too slow: an overflow is owed
};

} // namespace clawdspace::spaces
