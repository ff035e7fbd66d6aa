#pragma once

#include <clawdspace/core/gate.hpp>
#include <clawdspace/core/revision.hpp>
#include <clawdspace/space/types.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace clawdspace::spaces {

/// One space, as this daemon knows it. The Engine is the record; this is the cache of it, with what only the
/// daemon can know: who uses it, since when, and whose turn it is.
struct space {
  space(const asio::any_io_executor& executor, identity who)
      : self(std::move(who)), turn(executor), changed(executor) {}

  identity self;
  std::string container; ///< the Engine's id; empty until it has one
  space_state state = space_state::creating;
  time_point state_since;
  spaces::limits limits;
  spaces::settings settings;

  time_point last_used;
  time_point use_told; ///< when the registry was last told of a use that took no lease
  int leases = 0;      ///< what keeps it awake
  int commands = 0;    ///< what runs in it through us
  bool gone = false;   ///< destroyed, by us or behind our back
  bool falling_asleep =
      false; ///< still running, but a pause or stop is under way: who wants it must take a turn

  std::string backend = "engine"; ///< how commands get in: `door` or `engine`
  std::string backend_reason;     ///< why not through the door, in words

  /// Processor time at a moment, to tell a space that computes from an idle one.
  struct cpu_sample {
    time_point when;
    std::uint64_t total_ns = 0;
  };
  std::optional<cpu_sample> cpu;

  gate turn;        ///< lifecycle operations take turns
  revision changed; ///< of state, gone and settings
};

using space_ptr = std::shared_ptr<space>;

/// Keeps a space awake while it lives; its end is a use.
class lease {
 public:
  lease() = default;
  lease(space_ptr of, clock& time, revision& watched);
  lease(lease&& other) noexcept = default;
  lease& operator=(lease&& other) noexcept;
  ~lease();

  [[nodiscard]] const space_ptr& of() const noexcept { return space_; }

 private:
  void give_back();

  space_ptr space_;
  clock* clock_ = nullptr;
  revision* watched_ = nullptr; ///< the registry's: the sleeper looks again
};

} // namespace clawdspace::spaces
