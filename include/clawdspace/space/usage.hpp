#pragma once

#include <clawdspace/core/nursery.hpp>
#include <clawdspace/engine/client.hpp>
#include <clawdspace/space/cgroup.hpp>
#include <clawdspace/space/registry.hpp>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace clawdspace::spaces {

/// A space's use of the host at a moment.
struct usage {
  time_point when;
  usage_reading counted;
  std::optional<double>
      cpus; ///< in use since the reading before: 1.5 is one core and a half; unset at the first
};

/// A stretch of what was seen: rates are means over it, in bytes a second; amounts are its last.
struct usage_point {
  time_point begin;
  time_point end;
  double cpus = 0;
  std::uint64_t memory = 0;
  std::uint64_t pids = 0;
  std::optional<double> read_rate, write_rate, receive_rate, send_rate;
};

/// The last hour of one space, as far as somebody looked: a bounded ring of stretches, with gaps between them
/// where nobody did.
class usage_record {
 public:
  static constexpr std::chrono::seconds stretch{10};
  static constexpr std::chrono::seconds longest_step{8}; ///< between two readings that a rate is taken of
  static constexpr std::size_t capacity = 360;           ///< an hour

  void add(time_point when, const usage_reading& now);
  /// Its processes ended: counters begin anew.
  void interrupt();

  [[nodiscard]] const std::optional<usage>& last() const noexcept { return last_; }
  [[nodiscard]] const std::deque<usage_point>& points() const noexcept { return points_; }
  void drop_before(time_point when);

 private:
  void close_stretch();

  std::optional<usage> last_;
  std::optional<usage> first_; ///< of the stretch that is under way
  std::deque<usage_point> points_;
};

/// Looks at what spaces use, while somebody wants to know: one reading for any number of viewers, none
/// without one. Readings come from the kernel's control groups; where those cannot be seen, from the Engine.
class usage_monitor {
 public:
  using process_of = std::function<pid_t(const space&)>; ///< its first process on this host; 0: not known

  usage_monitor(const asio::any_io_executor& executor, engine::client& docker, registry& known, clock& time,
                process_of process);

  /// Somebody looks, while this lives: at one space, or at all.
  class viewer {
   public:
    viewer(viewer&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), id_(std::move(other.id_)) {}
    viewer& operator=(viewer&&) = delete;
    ~viewer();

   private:
    friend usage_monitor;
    viewer(usage_monitor& owner, std::string id) : owner_(&owner), id_(std::move(id)) {}
    usage_monitor* owner_;
    std::string id_; ///< empty: all
  };
  [[nodiscard]] viewer look_at(const space& s);
  [[nodiscard]] viewer look_at_all();

  /// What is known of a space; nothing before the first reading.
  [[nodiscard]] const usage_record* find(const space& s) const;
  /// Grows with each round of readings.
  [[nodiscard]] revision& read() noexcept { return read_; }
  /// Readings made so far, for the proof that nobody's looking makes none.
  [[nodiscard]] std::uint64_t readings() const noexcept { return readings_; }

  /// Until it is cancelled.
  task<> run();

 private:
  struct source {
    std::string container;
    pid_t process = 0;
    bool asking = false; ///< the Engine, which may take its time
    usage_record record;
  };

  [[nodiscard]] bool is_wanted(const space& s) const;
  [[nodiscard]] bool has_news() const;
  task<> read_all(nursery& asking);
  void read_one(const space_ptr& s, nursery& asking);
  task<> ask_engine(space_ptr s);
  void drop_old();

  asio::any_io_executor executor_;
  engine::client& docker_;
  registry& known_;
  clock& clock_;
  process_of process_;
  cgroup_mounts mounts_ = cgroup_mounts::of_this_process();
  std::map<std::string, int, std::less<>> viewers_; ///< by the space's id; "" is all
  std::map<std::string, source, std::less<>> sources_;
  revision wanted_; ///< grows with every viewer that comes
  revision read_;
  std::uint64_t readings_ = 0;
};

} // namespace clawdspace::spaces
