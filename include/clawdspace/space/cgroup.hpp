#pragma once

#include <clawdspace/core/unique_fd.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace clawdspace::spaces {

/// What a space has used since it began to run, and holds now. What the kernel does not tell here is unset.
struct usage_reading {
  std::uint64_t cpu_ns = 0;                    ///< of all its processes together
  std::uint64_t memory = 0;                    ///< bytes, without the page cache that can be dropped
  std::uint64_t pids = 0;                      ///< processes and threads
  std::optional<std::uint64_t> read_bytes;     ///< from disks
  std::optional<std::uint64_t> written_bytes;  ///< to disks
  std::optional<std::uint64_t> received_bytes; ///< over its network, loopback left out
  std::optional<std::uint64_t> sent_bytes;
};

/// Where the kernel shows control groups (proc(5), `mountinfo`): v2's one tree, or v1's one for each
/// controller.
class cgroup_mounts {
 public:
  /// Takes the text of /proc/self/mountinfo.
  static cgroup_mounts parse(std::string_view mountinfo);
  /// As this process sees them. Throws nothing: where there are none, none is found later.
  static cgroup_mounts of_this_process();

  /// The folder of a group, `path` being what /proc/PID/cgroup says for `controller` ("" is v2's tree).
  /// Nothing where that tree is not mounted, or does not show it.
  [[nodiscard]] std::optional<std::filesystem::path> find(std::string_view controller,
                                                          std::string_view path) const;

 private:
  struct mount {
    std::string controllers; ///< `cpu,cpuacct`, with commas at both ends; `,,` for v2
    std::string root;        ///< what of the tree is shown
    std::filesystem::path at;
  };
  std::vector<mount> mounts_;
};

/// The control group of one container, v1 or v2. Its files are the kernel's memory: reading them waits for no
/// disk, and the processes in it cannot change what they say.
class cgroup {
 public:
  /// By the first process's number on this host. Nothing where that is not (any more) a process of
  /// `container`, an Engine's id of 64 characters: another host's number, or one that was given again.
  static std::optional<cgroup> find(const cgroup_mounts& mounts, pid_t process, std::string_view container);
  /// The same, of the text of /proc/PID/cgroup.
  static std::optional<cgroup> find(const cgroup_mounts& mounts, std::string_view text,
                                    std::string_view container);

  /// Nothing where the group is gone. `process`, if not 0, is whose network is looked at.
  [[nodiscard]] std::optional<usage_reading> read(pid_t process = 0) const;

 private:
  std::filesystem::path cpu_;
  std::filesystem::path memory_;
  std::filesystem::path pids_;
  std::filesystem::path io_;
  bool unified_ = false;
};

} // namespace clawdspace::spaces
