#pragma once

#include <clawdspace/engine/client.hpp>
#include <clawdspace/space/file_error.hpp>
#include <clawdspace/space/space.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace clawdspace::spaces {

/// What the Engine's archive calls can do with files, for a space without a door: as root, whoever is meant,
/// and so only for the owner of files that are made.
class engine_files {
 public:
  explicit engine_files(engine::client& docker) : docker_(docker) {}

  /// What stands at a path, links followed.
  struct found {
    std::string path; ///< where it really is
    bool is_folder = false;
    std::int64_t size = 0;
    unsigned mode = 0; ///< permissions
    std::int64_t mtime_ms = 0;
    std::string etag;
  };
  /// Throw file_error, and what the Engine answers.
  task<found> look(space_ptr where, std::string path, std::string user);
  /// The bytes of a file: as many as its size.
  task<std::unique_ptr<engine::byte_source>> read(space_ptr where, const found& what);
  /// The folder, its names relative to it.
  task<std::unique_ptr<engine::byte_source>> pack(space_ptr where, const found& what);
  /// True where it is new. What is there is replaced as the Engine does that: not in one step.
  task<bool> write(space_ptr where, std::string path, std::string content, std::string user,
                   std::optional<unsigned> mode);
  task<> unpack(space_ptr where, const found& folder, engine::byte_source& tar);

 private:
  struct account {
    std::int64_t uid = 0;
    std::int64_t gid = 0;
    std::string home;
  };
  task<account> find_account(space_ptr where, std::string user);
  task<std::string> expand(space_ptr where, std::string path, std::string user);
  task<engine::path_stat> stat(space_ptr where, std::string path);
  task<std::string> read_all(space_ptr where, std::string path);

  engine::client& docker_;
};

} // namespace clawdspace::spaces
