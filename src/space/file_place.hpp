#pragma once

#include "door_stream.hpp"
#include <clawdspace/space/files.hpp>

namespace clawdspace::spaces {

/// One run of the files program, from its start to its end.
struct file_job::place {
  place(files& all, space_ptr of, lease awake, std::shared_ptr<door::door> through,
        std::shared_ptr<door::followed> about)
      : owner(all), where(std::move(of)), held(std::move(awake)), door(std::move(through)),
        told(std::move(about)), in(all.executor_), out(all.executor_), err(all.executor_) {}
  place(const place&) = delete;
  place& operator=(const place&) = delete;
  ~place() { door->leave(told->id); }

  [[nodiscard]] bool is_over() const { return told->end || told->failure || !told->lost.empty(); }

  files& owner;
  space_ptr where;
  lease held;
  std::shared_ptr<door::door> door;
  std::shared_ptr<door::followed> told;
  door_stream in;
  door_stream out;
  door_stream err;
  bool is_wide = false; ///< its pipes
};

} // namespace clawdspace::spaces
