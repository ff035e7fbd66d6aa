#pragma once

#include <clawdspace/core/siphash.hpp>

#include <filesystem>
#include <string>
#include <string_view>

namespace clawdspace::spaces {

/// Makes the ids of commands: never the same twice, and recognisable for ever. An id is 16 characters of
/// chance and 8 of a keyed hash over them and the space's id, all of `[0-9a-f]`; so one that was forgotten
/// can be told from one that never was, without a list, also after a restart.
class command_ids {
 public:
  explicit command_ids(const siphash_key& secret) : secret_(secret) {}
  /// With the secret that is kept in a file (mode 0600), which is made where there is none. Throws
  /// std::system_error.
  static command_ids load(const std::filesystem::path& file);

  [[nodiscard]] std::string make(std::string_view space_id) const;
  /// Whether `make` has made it, for that space.
  [[nodiscard]] bool is_ours(std::string_view space_id, std::string_view id) const;

 private:
  [[nodiscard]] std::string tag(std::string_view space_id, std::string_view chance) const;
  siphash_key secret_;
};

} // namespace clawdspace::spaces
