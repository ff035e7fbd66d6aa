#pragma once

#include <clawdspace/core/revision.hpp>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace clawdspace::spaces {

/// What happens to spaces, in order, for those who follow: a bounded ring with ids. A follower keeps only its
/// place, so any number of slow ones cost nothing; one that falls behind the ring is told so.
class event_hub {
 public:
  struct entry {
    std::uint64_t sequence = 0;
    std::string type; ///< `space.running`
    std::string data; ///< a JSON object
  };

  explicit event_hub(const asio::any_io_executor& executor, std::size_t capacity = 1024);

  void publish(std::string_view type, std::string data);

  /// The place after the newest entry.
  [[nodiscard]] std::uint64_t now() const noexcept { return next_; }
  /// The entry at a place; nothing where there is none yet. `place` moves up to the oldest that is kept where
  /// it has been dropped: the caller sees that by the sequence.
  [[nodiscard]] const entry* at(std::uint64_t place) const noexcept;
  [[nodiscard]] std::uint64_t oldest() const noexcept { return next_ - ring_.size(); }
  /// Returns when there is an entry at `place`.
  task<> wait_for(std::uint64_t place);

  /// Somebody who follows, while it lives: what is costly to find out is looked for only then.
  class audience {
   public:
    explicit audience(event_hub& of);
    audience(const audience&) = delete;
    audience& operator=(const audience&) = delete;
    ~audience();

   private:
    event_hub& hub_;
  };
  [[nodiscard]] bool has_audience() const noexcept { return audience_ > 0; }
  /// Returns when somebody follows.
  task<> wait_for_audience();

  /// An id on the wire names this daemon's life as well, since places start anew with it.
  [[nodiscard]] std::string to_id(std::uint64_t sequence) const;
  /// The place after that id; nothing where it is not one of this life's.
  [[nodiscard]] std::optional<std::uint64_t> place_after(std::string_view id) const;

 private:
  std::size_t capacity_;
  std::string life_;
  std::deque<entry> ring_;
  std::uint64_t next_ = 1;
  revision published_;
  std::size_t audience_ = 0;
  revision audience_changed_;
};

} // namespace clawdspace::spaces
