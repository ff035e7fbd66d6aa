#pragma once

#include <clawdspace/core/nursery.hpp>
#include <clawdspace/core/unique_fd.hpp>
#include <clawdspace/door/door.hpp>
#include <clawdspace/space/file_error.hpp>
#include <clawdspace/space/lifecycle.hpp>

#include <boost/json.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace clawdspace::spaces {

class door_stream;

/// What the files program is to do: an operation of files/protocol.hpp with its options.
struct file_request {
  std::string operation;
  std::vector<std::string> options;
  std::vector<std::string> paths; ///< raw bytes, as the program takes them
  std::string user;               ///< empty: the space's own
  bool input = false;             ///< a payload goes in
};

/// One run of the files program in a space, which it keeps awake. Is no command of the book: it has no
/// history and is on no list. One that is destroyed before `said` gave its last line is ended, and its input
/// stays open until it has ended, so that no half is taken for a whole.
class file_job {
 public:
  /// What it stands on; made by `files`.
  struct place;
  explicit file_job(std::unique_ptr<place> at);
  ~file_job();
  file_job(const file_job&) = delete;
  file_job& operator=(const file_job&) = delete;

  /// The program's next line: its head, then its end. Throws file_error for a refusal, errc::conflict where
  /// its space left, errc::space_failed where it was killed.
  task<boost::json::object> said();
  /// No line is expected any more: it ends by itself.
  void is_over();

  /// Returns when bytes stand ready on its output, and how many; 0 is the end.
  task<std::size_t> ready();
  /// The pipe that they stand in; non-blocking, and nobody else's.
  [[nodiscard]] int output() const;
  /// Its next line, without the line's end; false at the end. Throws errc::space_failed for one that is too
  /// long.
  task<bool> read_line(std::string& into);

  /// The pipe that its payload goes into; non-blocking. Negative where it is closed.
  [[nodiscard]] int input() const;
  /// Returns when that has room, or nobody reads it any more.
  task<> wait_for_room();
  /// All of it. What nobody reads any more goes nowhere.
  task<> write(std::string_view data);
  /// The payload is whole.
  void close_input();

  [[nodiscard]] const space_ptr& where() const;

 private:
  static task<> see_off(std::unique_ptr<place> at, bool to_end);
  [[nodiscard]] boost::json::object take_line(std::string_view line) const;
  [[noreturn]] void fail_without_word() const;
  void must_be_known() const;

  std::unique_ptr<place> at_;
  std::string heard_; ///< of stderr, not a whole line yet
  std::string text_;  ///< of stdout, likewise
  std::size_t text_at_ = 0;
  bool over_ = false;
};

} // namespace clawdspace::spaces
