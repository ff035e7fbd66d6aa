#pragma once

#include <clawdspace/core/gate.hpp>
#include <clawdspace/core/nursery.hpp>
#include <clawdspace/door/followed.hpp>
#include <clawdspace/door/link.hpp>
#include <clawdspace/door/listener.hpp>
#include <clawdspace/door/listening.hpp>

#include <asio/ip/address.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace clawdspace::door {

/// How long is waited for whom.
struct patience {
  std::chrono::milliseconds unknown{10'000};  ///< a connection for its process to be confirmed
  std::chrono::milliseconds greeting{10'000}; ///< from a connection's begin to `ready`
  std::chrono::milliseconds penalty{1'000};   ///< before a space that misbehaved is heard again; doubles
  std::chrono::milliseconds answer{10'000};   ///< for a question about a command
};

/// The daemon's side of one space's door. Knows who may enter: the process that `expect` named, and no other.
/// What a space does to its door is felt by nobody else. Must be held by a shared_ptr, and closed.
class door : public std::enable_shared_from_this<door> {
 public:
  door(const asio::any_io_executor& executor, std::filesystem::path folder, patience how_long = {});
  door(const door&) = delete;
  door& operator=(const door&) = delete;

  /// Puts the socket in place, unless it is. Throws std::system_error.
  void listen();
  task<> close();

  /// A command that init knows of and this daemon does not.
  struct stranger {
    std::shared_ptr<followed> command;
    std::string kinds; ///< of `with`: letters of "ioeth"
    descriptors with;
    bool runs = false;
  };
  /// Called at the end of a greeting.
  void on_strangers(std::function<void(std::vector<stranger>)> take) { on_strangers_ = std::move(take); }

  /// The space's first process, as the host numbers it; 0 where it is not known, or not any more.
  void expect(pid_t first_process);
  [[nodiscard]] pid_t expected() const noexcept { return expected_; }
  /// Whether connections wait for `expect`, and whether one of them is of no process that can be named here.
  [[nodiscard]] bool has_guests() const noexcept { return !guests_.empty(); }
  [[nodiscard]] bool has_nameless_guest() const;

  [[nodiscard]] bool is_open() const noexcept { return open_; }
  [[nodiscard]] unsigned version() const noexcept { return version_; } ///< what both speak
  /// Of the init that spoke last; empty before.
  [[nodiscard]] const std::string& life() const noexcept { return life_; }
  /// Of is_open and has_guests.
  [[nodiscard]] revision& changed() noexcept { return changed_; }

  /// Of whom init's words are to be kept. `leave` ends that; nothing is told of it to init.
  std::shared_ptr<followed> follow(std::string id);
  void leave(const std::string& id);
  /// Shuts the door, and nothing more will be heard of those that run: `why`, in words.
  void give_up(const std::string& why);

  /// Sends a `spawn` frame and returns when its program runs or init said why not. Throws errc::overloaded,
  /// errc::engine_timed_out, errc::conflict (the space left): then whatever was started is ended.
  task<> spawn(std::shared_ptr<followed> what, std::string frame, descriptors with,
               std::chrono::milliseconds limit);
  /// Ends a whole tree: `what->gone`, or nothing where that was not told in time.
  task<std::optional<bool>> end(std::shared_ptr<followed> what, std::chrono::milliseconds limit);
  /// Throw errc::overloaded where the door is shut for long.
  task<> signal(std::string id, int number, bool tree);
  task<> resize(std::string id, int rows, int columns);
  /// Return when init has let go of it, or it is lost.
  task<> close_input(std::shared_ptr<followed> what);
  task<> hang_up(std::shared_ptr<followed> what);
  void forget(const std::string& id);
  /// A command that was begun and that nobody will ask about: its tree is ended.
  void end_unseen(const std::string& id);

  /// A connection that was made in the space, checked for what it is; or the errno of why there is none.
  struct connected {
    unique_fd socket;
    int error_number = 0;
  };
  /// These throw errc::door_too_old, errc::overloaded (the door is shut, or too much is under way),
  /// errc::engine_timed_out, errc::engine_failed (what came is no connection).
  task<connected> connect_tcp(asio::ip::address to, std::uint16_t port);
  /// As the space's default user, whom `image_user` and `strict` tell as they do for a command.
  task<connected> connect_unix(std::string path, std::string image_user, bool strict);
  /// What listens, in the kernel's order. `names`: processes are looked for.
  task<std::vector<listening>> listeners(bool names);

  /// Its connection is closed, and it is not heard for a while: `why`, in words.
  void accuse(const std::string& why);

 private:
  class unseen;
  struct greeting;

  task<> receive_guests();
  void admit(listener::guest who);
  task<> drop_late_guests();
  task<> serve(std::shared_ptr<link> with);
  bool take_what_came(const std::shared_ptr<link>& from);
  void take(message said, received& came);
  void take_greeting(message said, received& came);
  void greet();
  void rejoin(followed& what, const known_command& told);
  void lose_link();
  void lose_commands(const std::string& why);
  bool is_idle_talk();
  std::shared_ptr<followed> find(const std::string& id) const;
  class question;
  task<connected> connect(std::string frame, bool tcp);
  task<> say(std::string frame, std::chrono::milliseconds limit);

  asio::any_io_executor executor_;
  std::filesystem::path folder_;
  patience patience_;
  std::optional<listener> listener_;
  std::function<void(std::vector<stranger>)> on_strangers_;

  struct guest {
    std::shared_ptr<link> connection;
    std::chrono::steady_clock::time_point since;
  };
  std::vector<guest> guests_;
  pid_t expected_ = 0;

  std::shared_ptr<link> link_;
  std::shared_ptr<greeting> greeting_; ///< not over yet
  bool open_ = false;
  unsigned version_ = 0;
  std::string life_;
  std::map<std::string, std::weak_ptr<followed>, std::less<>> followed_;
  std::set<std::string, std::less<>> to_end_; ///< begun, never seen, and to be ended

  double talk_ = 0; ///< frames that said nothing; see is_idle_talk
  std::chrono::steady_clock::time_point talk_at_;
  std::chrono::milliseconds penalty_;
  std::chrono::steady_clock::time_point blamed_at_;
  std::chrono::steady_clock::time_point not_before_; ///< no guest is received

  revision changed_;
  gate connecting_; ///< as many at once as init takes
  nursery children_;
};

} // namespace clawdspace::door
