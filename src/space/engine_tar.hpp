#pragma once

#include <clawdspace/engine/client.hpp>

#include <cstdint>
#include <memory>
#include <string>

// The one file in an archive that the Engine sends, and the one in an archive that it gets: ustar with pax
// records for what does not fit (POSIX.1-2001, pax interchange format).

namespace clawdspace::spaces {

/// The bytes of the first file of an archive. Throws errc::engine_failed for an archive that is none, or ends
/// before.
class tar_content final : public engine::byte_source {
 public:
  tar_content(std::unique_ptr<engine::byte_source> tar, std::int64_t size)
      : tar_(std::move(tar)), left_(static_cast<std::uint64_t>(size)) {}
  task<std::size_t> read_some(std::span<std::byte> into) override;

 private:
  task<> skip_head();
  task<> read_block(std::span<std::byte> into);

  std::unique_ptr<engine::byte_source> tar_;
  std::uint64_t left_;
  bool begun_ = false;
};

/// What is to stand in an archive.
struct tar_file {
  std::string name;
  unsigned mode = 0644;
  std::int64_t uid = 0;
  std::int64_t gid = 0;
  std::int64_t mtime = 0; ///< seconds since 1970
  std::string content;
};

/// An archive of one file.
std::string to_tar(const tar_file& file);

} // namespace clawdspace::spaces
