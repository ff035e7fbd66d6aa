#pragma once

#include <clawdspace/core/task.hpp>
#include <clawdspace/engine/endpoint.hpp>
#include <clawdspace/engine/error.hpp>
#include <clawdspace/engine/frames.hpp>
#include <clawdspace/engine/types.hpp>

#include <asio/any_io_executor.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace clawdspace::engine {

struct client_settings {
  std::size_t idle_connections = 8; ///< kept open for the next call
  std::size_t connections = 64;     ///< at once, streams not counted; further calls wait their turn
  std::chrono::milliseconds connect_time{2'000};
  std::chrono::milliseconds call_time{30'000};       ///< for a call that names no other bound
  std::chrono::milliseconds slow_call_time{120'000}; ///< create, start, stop, remove
};

/// A hijacked exec stream: bytes to the process's stdin, frames or raw bytes from it.
class exec_stream {
 public:
  using channel = engine::channel;
  struct piece {
    channel from = channel::stdout_;
    std::span<const std::byte> data; ///< valid until the next read; empty: the end of the stream
  };

  virtual ~exec_stream() = default;
  /// The next bytes, at most one buffer (256 KiB). With a tty all are stdout. Throws errc::engine_failed for
  /// broken framing or a connection that was reset.
  virtual task<piece> read() = 0;
  /// Returns when the Engine's socket has taken it all; throws errc::engine_failed where the other side is
  /// gone.
  virtual task<> write(std::span<const std::byte> data) = 0;
  /// Half-close: the process reads end-of-file. Not for a tty (docs: it would end the output as well).
  virtual void close_input() = 0;
};

/// GET /events as it comes.
class event_stream {
 public:
  virtual ~event_stream() = default;
  /// The next event; throws errc::engine_unavailable where the stream has ended.
  virtual task<engine_event> next() = 0;
};

/// Bytes of an archive.
class byte_source {
 public:
  virtual ~byte_source() = default;
  virtual task<std::size_t> read_some(std::span<std::byte> into) = 0; ///< 0: the end
};

/// The Docker Engine API over its unix socket or TCP: typed calls on kept-alive connections from a bounded
/// pool. A call on a connection that died idle is tried once more on a new one. All throw: engine_error with
/// the Engine's status and words, errc::engine_unavailable where there is no Engine to talk to,
/// errc::engine_timed_out where it did not answer in time. Safe to call from any number of coroutines; must
/// outlive them.
class client {
 public:
  client(const asio::any_io_executor& executor, endpoint where, client_settings settings = {});
  ~client();
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  [[nodiscard]] const endpoint& where() const noexcept;

  /// GET /_ping, then agrees on the newest version that both speak (1.40 at least; throws errc::engine_failed
  /// with both versions below that). The other calls use what was agreed last, 1.40 before.
  task<version> negotiate();
  task<> ping();
  task<info> get_info();

  /// All containers, running or not, that carry the label (`key` or `key=value`).
  task<std::vector<container_summary>> list_containers(std::string label);
  task<container_detail> inspect_container(std::string id);
  /// Returns the id.
  task<std::string> create_container(std::string name, container_spec spec);
  task<> start_container(std::string id); ///< started already: fine (304)
  task<>
  stop_container(std::string id,
                 std::chrono::milliseconds grace); ///< stopped already: fine (304); whole seconds, rounded up
  task<> pause_container(std::string id);
  task<> unpause_container(std::string id);
  task<> kill_container(std::string id, std::string signal);
  /// With force and anonymous volumes. Gone already (404) is fine; a removal in progress (409) is waited for.
  task<> remove_container(std::string id);
  task<> update_container(std::string id, resource_update change);
  task<stats> container_stats(std::string id);
  task<image_detail> inspect_image(std::string reference);

  task<std::string> create_exec(std::string container, exec_spec spec);
  task<std::unique_ptr<exec_stream>> start_exec(std::string exec, bool tty);
  task<exec_detail> inspect_exec(std::string exec);
  task<> resize_exec(std::string exec, int rows, int columns);

  /// Container events that carry the label, from `since` on (unset: from the call on, by this machine's
  /// clock). The Engine remembers its last 256 events of any kind; one may come twice.
  task<std::unique_ptr<event_stream>> follow_events(std::string label, std::optional<time_point> since);

  /// GET/PUT /containers/{id}/archive: a tar stream of `path`, or one unpacked at it. The Engine locks the
  /// container until the stream has been read or destroyed: other calls on it wait meanwhile, a put into it
  /// as well.
  task<path_stat> stat_path(std::string container, std::string path);
  task<std::unique_ptr<byte_source>> get_archive(std::string container, std::string path);
  task<> put_archive(std::string container, std::string path, byte_source& tar);

  /// Calls made so far, for the proof that reads make none.
  [[nodiscard]] std::uint64_t calls() const noexcept;

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace clawdspace::engine
