#pragma once

#include <clawdspace/core/result.hpp>
#include <clawdspace/engine/types.hpp>

#include <boost/json/stream_parser.hpp>

#include <cstddef>
#include <optional>
#include <string_view>

namespace clawdspace::engine {

/// Takes the stream of GET /events apart, without I/O: JSON objects one after the other, split anywhere; the
/// Engine ends each with a line feed.
class event_reader {
 public:
  /// Of one event; a longer one is left out (its labels are somebody's choice, our memory is ours).
  static constexpr std::size_t longest = 1U << 20;

  struct step {
    std::size_t taken = 0;
    std::optional<engine_event> event; ///< nothing: all was taken
    bool left_one_out = false;         ///< one that was too long has begun to be skipped
  };

  /// Fails with errc::engine_failed for what is no JSON or no event; the stream cannot be read further then.
  result<step> feed(std::string_view input);

 private:
  boost::json::stream_parser parser_;
  std::size_t size_ = 0; ///< of the object so far
  bool skipping_ = false;
};

} // namespace clawdspace::engine
